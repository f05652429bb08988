import assert from 'node:assert/strict';
import { keysOf } from '../../src/tool/key-combination.js';
import { Keymap } from '../../src/tool/keymap.js';
import { characterOf } from '../../src/tool/keysyms.js';

/** What libxkbcommon prints of a keyboard with the layouts de and ru, and some keys of further kinds. */
const TEXT = `xkb_keymap {
xkb_keycodes "(unnamed)" {
	minimum = 8;
	maximum = 708;
	<ESC> = 9; <AE01> = 10; <AE02> = 11; <AE11> = 20; <AE12> = 21; <TAB> = 23; <AD01> = 24; <AD03> = 26; <AD12> = 35;
	<RTRN> = 36; <LCTL> = 37; <AC01> = 38; <TLDE> = 49; <LFSH> = 50; <KPMU> = 63; <LALT> = 64; <SPCE> = 65; <FK05> = 71;
	<KP7> = 79; <LVL3> = 92; <LVL5> = 203; <PGUP> = 112; <AB04> = 55; <LWIN> = 133; <NEO> = 47; <MANY> = 48; <EURO> = 443;
	<EUR2> = 444;
	alias <LatQ> = <AD01>;
	indicator 1 = "Caps Lock";
};
xkb_types "(unnamed)" {
	virtual_modifiers NumLock,Alt,LevelThree,LevelFive;
	type "FOUR_LEVEL_PLUS_LOCK" {
		modifiers= Shift+Lock+LevelThree;
		map[Shift]= 2;
		map[LevelThree]= 3;
		map[Shift+LevelThree]= 4;
		map[Lock]= 5;
		map[Lock+Shift]= 2;
		level_name[1]= "Base";
	};
	type "CTRL+ALT" {
		modifiers= Shift+Control+Alt+LevelThree;
		map[Shift]= 2;
		map[Control+Alt]= 5;
		preserve[Shift]= Shift;
	};
	type "EIGHT_LEVEL" {
		modifiers= Shift+LevelThree+LevelFive;
		map[Shift]= Level2;
		map[LevelThree]= Level3;
		map[Shift+LevelThree]= Level4;
		map[LevelFive]= Level5;
	};
};
xkb_compatibility "(unnamed)" {
	interpret ISO_Level3_Shift+AnyOf(all) { virtualModifier= LevelThree; action= SetMods(modifiers=LevelThree,clearLocks); };
};
xkb_symbols "(unnamed)" {
	name[Group1]="German";
	name[Group2]="Russian";

	key <ESC>                {	[          Escape ] };
	key <AE01>               {	[               1,          exclam,     onesuperior,      exclamdown ] };
	key <AE11>               {
		type= "FOUR_LEVEL_PLUS_LOCK",
		symbols[Group1]= [          ssharp,        question,       backslash,    questiondown,           U1E9E ]
	};
	key <AE12>               {	[      dead_acute,      dead_grave,    dead_cedilla,     dead_ogonek ] };
	key <TAB>                {	[             Tab,    ISO_Left_Tab ] };
	key <AD01>               {
		symbols[Group1]= [               q,               Q,              at,     Greek_OMEGA ],
		symbols[Group2]= [ Cyrillic_shorti, Cyrillic_SHORTI ]
	};
	key <AD03>               {	[               e,               E,        EuroSign,        NoSymbol ] };
	key <EURO>               {	[        EuroSign ] };
	key <EUR2>               {	[        notequal ] };
	key <AD12>               {	[            plus,        asterisk,      asciitilde,          macron ] };
	key <RTRN>               {	[          Return ] };
	key <LCTL>               {	[       Control_L ] };
	key <AC01>               {	[               a,               A,              ae,              AE ] };
	key <TLDE>               {	[ dead_circumflex,          degree,           U2032,           U2033 ] };
	key <LFSH>               {	[         Shift_L ] };
	key <KPMU>               {
		type= "CTRL+ALT",
		symbols[Group1]= [     KP_Multiply,     KP_Multiply,     KP_Multiply,     KP_Multiply,   XF86ClearGrab ]
	};
	key <LALT>               {	[           Alt_L,          Meta_L ] };
	key <LWIN>               {	[         Super_L ] };
	key <SPCE>               {	[           space ] };
	key <FK05>               {
		type= "CTRL+ALT",
		symbols[Group1]= [              F5,              F5,              F5,              F5, XF86Switch_VT_5 ]
	};
	key <KP7>                {	[         KP_Home,            KP_7 ] };
	key <PGUP>               {	[           Prior ] };
	key <LVL3>               {	[ ISO_Level3_Shift ] };
	key <LVL5>               {
		repeat= No,
		symbols[Group1]= [ ISO_Level5_Shift ],
		actions[Group1]= [ SetMods(modifiers=LevelFive) ]
	};
	key <NEO>                {
		type[Group1]= "EIGHT_LEVEL",
		symbols[Group1]= [ NoSymbol, NoSymbol, NoSymbol, NoSymbol, Greek_alpha ]
	};
	key <MANY>               {	[ { o, u }, section ] };
	key <GONE>               {	[ yen ] };
	modifier_map Shift { <LFSH> };
};

};
`;

describe('a keymap, read backwards', () => {
  const german = Keymap.parse(TEXT);
  const codes = (character: string, keymap = german) =>
    keymap
      .write(character)
      ?.map(({ held, code }) => [...held, code].join('+'))
      .join(' ');

  it('knows its layouts', () => {
    assert.equal(german.name, 'German');
    assert.equal(Keymap.parse(TEXT, 1).name, 'Russian');
    assert.equal(Keymap.parse('').name, '');
    assert.deepEqual(Keymap.names(TEXT), ['German', 'Russian']);
  });

  it('holds what each level takes', () => {
    assert.equal(codes('a'), '30');
    assert.equal(codes('A'), '42+30');
    assert.equal(codes('@'), '84+16');
    assert.equal(codes('Ω'), '42+84+16');
    assert.equal(codes('\\'), '84+12');
    assert.equal(codes('α'), '195+39');
    assert.equal(codes(' '), '57');
    assert.equal(codes('\n'), '28');
    assert.equal(codes('\t'), '15');
  });

  it('takes the least effort, and a key that X11 knows', () => {
    assert.equal(codes('€'), '84+18');
    assert.equal(codes('≠'), '436');
    assert.equal(codes('°'), '42+41');
  });

  it('uses dead keys where there is nothing else', () => {
    assert.equal(codes('é'), '13 18');
    assert.equal(codes('À'), '42+13 42+30');
    assert.equal(codes('â'), '41 30');
    assert.equal(codes('^'), '41 57');
    assert.equal(codes('´'), '13 13');
    assert.equal(codes('~'), '84+27', 'which has a key of its own');
    assert.equal(codes('ệ'), undefined, 'two marks');
    assert.equal(codes('ã'), undefined, 'no dead_tilde');
  });

  it('has no way for what cannot be typed', () => {
    for (const character of ['日', '😀', '\x1b', '\0', 'ẞ', 'z', '7', '¥', 'o'])
      assert.equal(codes(character), undefined, character);
    assert.equal(codes('§'), '42+40');
    assert.equal(Keymap.parse('xkb_keymap { nonsense [ { } ;').write('a'), undefined);
  });

  it('follows the group, and keys of one group serve all', () => {
    const russian = Keymap.parse(TEXT, 1);
    assert.equal(codes('й', russian), '16');
    assert.equal(codes('Й', russian), '42+16');
    assert.equal(codes('q', russian), undefined);
    assert.equal(codes('a', russian), '30');
    assert.equal(codes('й'), undefined);
  });
});

describe('key combinations', () => {
  const keymap = Keymap.parse(TEXT);
  const keys = (combination: string) => keysOf(combination, keymap).join(' ');

  it('are pressed in order', () => {
    assert.equal(keys('ctrl+alt+a'), '29 56 30');
    assert.equal(keys('Ctrl+Shift+Esc'), '29 42 1');
    assert.equal(keys('super'), '125');
    assert.equal(keys('F5'), '63');
    assert.equal(keys('f5'), '63');
    assert.equal(keys('Page_Up'), '104');
    assert.equal(keys('pgup'), '104');
    assert.equal(keys('enter'), '28');
    assert.equal(keys('KP_Home'), '71');
    assert.equal(keys('alt+space'), '56 57');
  });

  it('take letters for keys and hold what signs need', () => {
    assert.equal(keys('ctrl+A'), '29 30');
    assert.equal(keys('A'), '30');
    assert.equal(keys('ctrl+?'), '29 42 12');
    assert.equal(keys('shift+?'), '42 12');
    assert.equal(keys('altgr+q'), '84 16');
  });

  it('tell the plus key from the plus between keys', () => {
    assert.equal(keys('+'), '27');
    assert.equal(keys('ctrl++'), '29 27');
    assert.equal(keys('ctrl+plus'), '29 27');
    for (const wrong of ['', 'ctrl+', '+a', 'ctrl+++', 'ctrl++a'])
      assert.throws(() => keys(wrong), { name: 'InvalidArgs' }, wrong);
  });

  it('name the key that is not there', () => {
    assert.throws(() => keys('ctrl+foo'), {
      name: 'NotSupported',
      message: "the keyboard has no key 'foo' (layout: German)",
    });
    assert.throws(() => keys('日'), { name: 'NotSupported' });
  });
});

describe('keysyms', () => {
  it('stand for characters', () => {
    assert.equal(characterOf('a'), 'a');
    assert.equal(characterOf('7'), '7');
    assert.equal(characterOf('space'), ' ');
    assert.equal(characterOf('asciitilde'), '~');
    assert.equal(characterOf('EuroSign'), '€');
    assert.equal(characterOf('Cyrillic_ya'), 'я');
    assert.equal(characterOf('hebrew_aleph'), 'א');
    assert.equal(characterOf('U1E9E'), 'ẞ');
    assert.equal(characterOf('U1F600'), '😀');
  });

  it('or for none', () => {
    for (const keysym of ['Return', 'KP_1', 'dead_acute', 'NoSymbol', 'U110000', 'Ugrav', ''])
      assert.equal(characterOf(keysym), undefined, keysym);
  });
});
