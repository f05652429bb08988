import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { allKeys, formatMistake, readConfiguration, readFiles } from '../../src/configuration/read.js';
import { formatValue, parseValue } from '../../src/configuration/value.js';

describe('configuration', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'configuration-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const write = (path: string, text: string | Buffer): string => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  const read = () => readConfiguration(['etc', 'run', 'usr'].map((folder) => join(root, folder)));
  /** The mistakes of a file with this text, without its name. */
  const mistakesOf = (text: string | Buffer): string[] => {
    const file = write('file.conf', text);
    return readFiles([file]).mistakes.map((mistake) => formatMistake(mistake).slice(file.length + 1));
  };

  it('is all defaults without files', () => {
    const { settings, origins, mistakes, files } = read();
    assert.deepEqual(settings.Login.Methods, ['token', 'kerberos', 'password', 'pam', 'peer']);
    assert.equal(settings.Daemon.IdleExit, 30);
    assert.deepEqual([origins.size, mistakes, files], [0, [], []]);
  });

  it('is no other with the example, commented out or not', () => {
    const example = readFileSync('docs/configuration/remote-access.conf', 'utf8');
    const { settings } = read();
    const all = write('all.conf', example.replaceAll(/^#(?=[A-Z]\w*=)/gm, ''));
    const { origins, mistakes, ...written } = readFiles([all]);
    assert.deepEqual([written.settings, mistakes], [settings, []]);
    assert.deepEqual(
      [...origins.keys()],
      allKeys().map(({ section, key }) => `${section}.${key}`),
    );
    assert.equal(readFiles([write('example.conf', example)]).origins.size, 0);
  });

  it('takes one main file, then drop-ins by name, and knows which line counts', () => {
    const main = write('etc/remote-access.conf', '# ours\n[Login]\nMaxOpen=1\nMaxTries=1\n\n[Daemon]\nIdleExit=5min\n');
    write('usr/remote-access.conf', '[Login]\nMaxPerMinute=1\n');
    const late = write('usr/remote-access.conf.d/90.conf', '[Login]\nMaxTries=9\n');
    write('etc/remote-access.conf.d/50.conf', '[Login]\nMaxTries=5\nMethods=peer token\n');
    write('etc/remote-access.conf.d/README', 'not read');
    const { settings, origins, mistakes, files } = read();
    assert.deepEqual(mistakes, []);
    const { MaxOpen, MaxTries, MaxPerMinute, Methods } = settings.Login;
    assert.deepEqual([MaxOpen, MaxTries, MaxPerMinute, Methods], [1, 9, 240, ['peer', 'token']]);
    assert.equal(settings.Daemon.IdleExit, 300);
    assert.deepEqual(origins.get('Login.MaxOpen'), { file: main, line: 3 });
    assert.deepEqual(origins.get('Login.MaxTries'), { file: late, line: 2 });
    assert.equal(files.length, 3);
  });

  it('lets a file hide its namesakes further down, a link to /dev/null too', () => {
    write('usr/remote-access.conf.d/a.conf', '[Login]\nMaxOpen=1\n');
    write('run/remote-access.conf.d/a.conf', '[Login]\nMaxTries=1\n');
    write('usr/remote-access.conf.d/b.conf', 'nonsense');
    write('usr/remote-access.conf', 'nonsense');
    symlinkSync('/dev/null', join(root, 'run/remote-access.conf.d/b.conf'));
    mkdirSync(join(root, 'etc'));
    symlinkSync('/dev/null', join(root, 'etc/remote-access.conf'));
    const { settings, mistakes } = read();
    assert.deepEqual([settings.Login.MaxOpen, settings.Login.MaxTries, mistakes], [32, 1, []]);
  });

  it('names line and key of every mistake', () => {
    const mistakes: [text: string, mistake: string][] = [
      ['[Logins]\nMaxTries=1', '2: Logins.MaxTries: there is no section [Logins]'],
      ['[login]\nMaxTries=1', '2: login.MaxTries: there is no section [login], but Login'],
      ['[Login]\n\nMethod=token', '3: Login.Method: there is no such key'],
      ['[Login]\nmethods=token', '2: Login.methods: there is no such key, but Methods'],
      ['[Login]\nconstructor=1', '2: Login.constructor: there is no such key'],
      ['[constructor]\nname=1', '2: constructor.name: there is no section [constructor]'],
      ['MaxTries=1', '1: MaxTries: it is in no [Section]'],
      ['[Login]\nMaxTries', '2: Login: neither [Section], Key=Value nor # comment'],
      ['[Login]\n=1', '2: Login: neither [Section], Key=Value nor # comment'],
      ['[Login', '1: a section is not called so: [Section]'],
      ['[Login]\nMaxTries=1\n[Login]\nMaxTries=1', '4: Login.MaxTries: it is in line 2 already'],
      ['[Login]\nMethods=token \\\n', '2: Login.Methods: lines cannot be continued'],
      ['[Login]\nMaxTries=three', '2: Login.MaxTries: it has to be a whole number'],
      ['[Login]\nMaxTries=0', '2: Login.MaxTries: it has to be at least 1'],
      ['[Login]\nMaxTries=0x10', '2: Login.MaxTries: it has to be a whole number'],
      ['[Login]\nMaxTries=99999999999999999999', '2: Login.MaxTries: it has to be a whole number'],
      ['[Login]\nMaxTries=3 # or so', '2: Login.MaxTries: it has to be a whole number'],
      ['[Session]\nMaxSessions=8193', '2: Session.MaxSessions: it has to be at most 8192'],
      ['[Login]\nMethods=', '2: Login.Methods: it must not be empty'],
      ['[Login]\nMethods=token token', '2: Login.Methods: it has something twice'],
      ['[Session]\nRejoin=never desktop', '2: Session.Rejoin: never has to stand alone'],
      ['[Login]\nMethods=token,peer', '2: Login.Methods: it has to be of token, kerberos, password, pam, peer'],
      ['[Session]\nDefaultDesktop=../x', '2: Session.DefaultDesktop: it is not spelled as it has to be'],
      ['[Session]\nDefaultDesktop="gnome"', '2: Session.DefaultDesktop: it is not spelled as it has to be'],
    ];
    for (const [text, mistake] of mistakes) assert.deepEqual(mistakesOf(text), [mistake]);
    assert.match(mistakesOf('[Daemon]\nIdleExit=-1')[0] ?? '', /^2: Daemon.IdleExit: it has to be a time such as/);
    assert.deepEqual(mistakesOf('[Login]\nMaxTries=0\nMethods=x\n[Nothing]\n'), [
      '2: Login.MaxTries: it has to be at least 1',
      '3: Login.Methods: it has to be of token, kerberos, password, pam, peer',
    ]);
  });

  it('gives wrong lines no effect, and those beside them theirs', () => {
    write('etc/remote-access.conf', '[Login]\nMaxTries=2\n');
    write('etc/remote-access.conf.d/a.conf', '[Login]\nMaxTries=many\nMaxOpen=7\n[Odd\nMaxPerMinute=1\n');
    const { settings, mistakes } = read();
    assert.deepEqual(
      [settings.Login.MaxTries, settings.Login.MaxOpen, settings.Login.MaxPerMinute, mistakes.length],
      [2, 7, 240, 2],
    );
  });

  it('says which file cannot be read, and does not wait for what is no file', () => {
    assert.deepEqual(mistakesOf(Buffer.from([0x5b, 0xff, 0x5d])), [' it is not UTF-8']);
    assert.deepEqual(mistakesOf('#'.repeat(262_145)), [' it has 262145 bytes, more than 262144']);
    mkdirSync(join(root, 'etc/remote-access.conf.d/folder.conf'), { recursive: true });
    symlinkSync('/nowhere', join(root, 'etc/remote-access.conf.d/gone.conf'));
    symlinkSync('/dev/zero', join(root, 'etc/remote-access.conf.d/zero.conf'));
    assert.deepEqual(
      read().mistakes.map(({ message }) => message),
      ['it is not a regular file', 'it cannot be read: ENOENT', 'it is not a regular file'],
    );
  });

  it('reads comments, spaces, lines of other systems, and a mark of byte order', () => {
    const text = '\ufeff; one\r\n  # two\r\n[Login]\r\n  MaxTries =  4  \r\n Methods= token\tpeer \r\n';
    const { settings, mistakes } = readFiles([write('file.conf', text)]);
    assert.deepEqual([mistakes, settings.Login.MaxTries, settings.Login.Methods], [[], 4, ['token', 'peer']]);
  });

  it('reads times as systemd does', () => {
    const time = { description: '', type: 'number', timespan: true, default: 1 } as const;
    const times: [text: string, seconds: number][] = [
      ['90', 90],
      ['30ms', 0.03],
      ['1.5s', 1.5],
      ['5min', 300],
      ['1h 30min', 5400],
      ['1h30m', 5400],
      ['2 days', 172_800],
      ['1w', 604_800],
      ['infinity', Number.POSITIVE_INFINITY],
      ['0', 0],
      ['', 1],
    ];
    for (const [text, seconds] of times) {
      assert.equal(parseValue(text, time), seconds, text);
      assert.equal(parseValue(formatValue(seconds, time), time), seconds, text);
    }
    for (const text of ['5 minits', '-1', '1e3', 'soon', '1h-', '.5', 'Infinity', '1,5'])
      assert.throws(() => parseValue(text, time), SyntaxError, text);
  });

  it('reads yes and no as systemd does', () => {
    const yes = { description: '', type: 'boolean', default: false } as const;
    for (const text of ['1', 'yes', 'True', 'on']) assert.equal(parseValue(text, yes), true);
    for (const text of ['0', 'no', 'FALSE', 'off', '']) assert.equal(parseValue(text, yes), false);
    assert.throws(() => parseValue('maybe', yes), SyntaxError);
  });
});
