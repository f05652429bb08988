/**
 * The characters of X11's keysyms, by the names that stand in an XKB keymap: those of xorgproto's keysymdef.h that
 * keyboard layouts use. Each U+XXXX is the code point of the name after it; the names that follow count on from there.
 */
const NAMES = `
U+0020 space exclam quotedbl numbersign dollar percent ampersand apostrophe parenleft parenright asterisk plus comma
minus period slash U+003A colon semicolon less equal greater question at U+005B bracketleft backslash bracketright
asciicircum underscore grave U+005F underbar U+007B braceleft bar braceright asciitilde U+00A0 nobreakspace
exclamdown cent sterling currency yen brokenbar section diaeresis copyright ordfeminine guillemotleft notsign hyphen
registered macron degree plusminus twosuperior threesuperior acute mu paragraph periodcentered cedilla onesuperior
masculine guillemotright onequarter onehalf threequarters questiondown Agrave Aacute Acircumflex Atilde Adiaeresis
Aring AE Ccedilla Egrave Eacute Ecircumflex Ediaeresis Igrave Iacute Icircumflex Idiaeresis ETH Ntilde Ograve Oacute
Ocircumflex Otilde Odiaeresis multiply Oslash Ugrave Uacute Ucircumflex Udiaeresis Yacute THORN ssharp agrave aacute
acircumflex atilde adiaeresis aring ae ccedilla egrave eacute ecircumflex ediaeresis igrave iacute icircumflex
idiaeresis eth ntilde ograve oacute ocircumflex otilde odiaeresis division oslash ugrave uacute ucircumflex
udiaeresis yacute thorn ydiaeresis Amacron amacron Abreve abreve Aogonek aogonek Cacute cacute Ccircumflex
ccircumflex Cabovedot cabovedot Ccaron ccaron Dcaron dcaron Dstroke dstroke Emacron emacron U+00AF overbar U+0116
Eabovedot eabovedot Eogonek eogonek Ecaron ecaron Gcircumflex gcircumflex Gbreve gbreve Gabovedot gabovedot Gcedilla
gcedilla Hcircumflex hcircumflex Hstroke hstroke Itilde itilde Imacron imacron Ibreve ibreve Iogonek iogonek
Iabovedot idotless U+0134 Jcircumflex jcircumflex Kcedilla kcedilla kra Lacute lacute Lcedilla lcedilla Lcaron
lcaron U+0141 Lstroke lstroke Nacute nacute Ncedilla ncedilla Ncaron ncaron U+014A ENG eng Omacron omacron U+0150
Odoubleacute odoubleacute OE oe Racute racute Rcedilla rcedilla Rcaron rcaron Sacute sacute Scircumflex scircumflex
Scedilla scedilla Scaron scaron Tcedilla tcedilla Tcaron tcaron Tslash tslash Utilde utilde Umacron umacron Ubreve
ubreve Uring uring Udoubleacute udoubleacute Uogonek uogonek U+0178 Ydiaeresis Zacute zacute Zabovedot zabovedot
Zcaron zcaron U+018F SCHWA U+0192 function U+01A0 Ohorn ohorn U+01AF Uhorn uhorn U+01B7 EZH U+01E6 Gcaron gcaron
U+0259 schwa U+0292 ezh U+02C7 caron U+02D8 breve abovedot U+02DB ogonek U+02DD doubleacute U+0391 Greek_ALPHA
Greek_BETA Greek_GAMMA Greek_DELTA Greek_EPSILON Greek_ZETA Greek_ETA Greek_THETA Greek_IOTA Greek_KAPPA Greek_LAMDA
Greek_MU Greek_NU Greek_XI Greek_OMICRON Greek_PI Greek_RHO U+03A3 Greek_SIGMA Greek_TAU Greek_UPSILON Greek_PHI
Greek_CHI Greek_PSI Greek_OMEGA U+03B1 Greek_alpha Greek_beta Greek_gamma Greek_delta Greek_epsilon Greek_zeta
Greek_eta Greek_theta Greek_iota Greek_kappa Greek_lamda Greek_mu Greek_nu Greek_xi Greek_omicron Greek_pi Greek_rho
Greek_finalsmallsigma Greek_sigma Greek_tau Greek_upsilon Greek_phi Greek_chi Greek_psi Greek_omega U+0401
Cyrillic_IO Serbian_DJE Macedonia_GJE Ukrainian_IE Macedonia_DSE Ukrainian_I Ukrainian_YI Cyrillic_JE Cyrillic_LJE
Cyrillic_NJE Serbian_TSHE Macedonia_KJE U+040E Byelorussian_SHORTU Cyrillic_DZHE Cyrillic_A Cyrillic_BE Cyrillic_VE
Cyrillic_GHE Cyrillic_DE Cyrillic_IE Cyrillic_ZHE Cyrillic_ZE Cyrillic_I Cyrillic_SHORTI Cyrillic_KA Cyrillic_EL
Cyrillic_EM Cyrillic_EN Cyrillic_O Cyrillic_PE Cyrillic_ER Cyrillic_ES Cyrillic_TE Cyrillic_U Cyrillic_EF
Cyrillic_HA Cyrillic_TSE Cyrillic_CHE Cyrillic_SHA Cyrillic_SHCHA Cyrillic_HARDSIGN Cyrillic_YERU Cyrillic_SOFTSIGN
Cyrillic_E Cyrillic_YU Cyrillic_YA Cyrillic_a Cyrillic_be Cyrillic_ve Cyrillic_ghe Cyrillic_de Cyrillic_ie
Cyrillic_zhe Cyrillic_ze Cyrillic_i Cyrillic_shorti Cyrillic_ka Cyrillic_el Cyrillic_em Cyrillic_en Cyrillic_o
Cyrillic_pe Cyrillic_er Cyrillic_es Cyrillic_te Cyrillic_u Cyrillic_ef Cyrillic_ha Cyrillic_tse Cyrillic_che
Cyrillic_sha Cyrillic_shcha Cyrillic_hardsign Cyrillic_yeru Cyrillic_softsign Cyrillic_e Cyrillic_yu Cyrillic_ya
U+0451 Cyrillic_io Serbian_dje Macedonia_gje Ukrainian_ie Macedonia_dse Ukrainian_i Ukrainian_yi Cyrillic_je
Cyrillic_lje Cyrillic_nje Serbian_tshe Macedonia_kje U+045E Byelorussian_shortu Cyrillic_dzhe U+0490
Ukrainian_GHE_WITH_UPTURN Ukrainian_ghe_with_upturn Cyrillic_GHE_bar Cyrillic_ghe_bar U+0496 Cyrillic_ZHE_descender
Cyrillic_zhe_descender U+049A Cyrillic_KA_descender Cyrillic_ka_descender Cyrillic_KA_vertstroke
Cyrillic_ka_vertstroke U+04A2 Cyrillic_EN_descender Cyrillic_en_descender U+04AE Cyrillic_U_straight
Cyrillic_u_straight Cyrillic_U_straight_bar Cyrillic_u_straight_bar Cyrillic_HA_descender Cyrillic_ha_descender
U+04B6 Cyrillic_CHE_descender Cyrillic_che_descender Cyrillic_CHE_vertstroke Cyrillic_che_vertstroke Cyrillic_SHHA
Cyrillic_shha U+04D8 Cyrillic_SCHWA Cyrillic_schwa U+04E2 Cyrillic_I_macron Cyrillic_i_macron U+04E8 Cyrillic_O_bar
Cyrillic_o_bar U+04EE Cyrillic_U_macron Cyrillic_u_macron U+0531 Armenian_AYB Armenian_BEN Armenian_GIM Armenian_DA
Armenian_YECH Armenian_ZA Armenian_E Armenian_AT Armenian_TO Armenian_ZHE Armenian_INI Armenian_LYUN Armenian_KHE
Armenian_TSA Armenian_KEN Armenian_HO Armenian_DZA Armenian_GHAT Armenian_TCHE Armenian_MEN Armenian_HI Armenian_NU
Armenian_SHA Armenian_VO Armenian_CHA Armenian_PE Armenian_JE Armenian_RA Armenian_SE Armenian_VEV Armenian_TYUN
Armenian_RE Armenian_TSO Armenian_VYUN Armenian_PYUR Armenian_KE Armenian_O Armenian_FE U+055A Armenian_apostrophe
Armenian_accent Armenian_exclam Armenian_separation_mark Armenian_question U+0561 Armenian_ayb Armenian_ben
Armenian_gim Armenian_da Armenian_yech Armenian_za Armenian_e Armenian_at Armenian_to Armenian_zhe Armenian_ini
Armenian_lyun Armenian_khe Armenian_tsa Armenian_ken Armenian_ho Armenian_dza Armenian_ghat Armenian_tche
Armenian_men Armenian_hi Armenian_nu Armenian_sha Armenian_vo Armenian_cha Armenian_pe Armenian_je Armenian_ra
Armenian_se Armenian_vev Armenian_tyun Armenian_re Armenian_tso Armenian_vyun Armenian_pyur Armenian_ke Armenian_o
Armenian_fe Armenian_ligature_ew U+0589 Armenian_full_stop Armenian_hyphen U+05D0 hebrew_aleph hebrew_bet
hebrew_gimel hebrew_dalet hebrew_he hebrew_waw hebrew_zain hebrew_chet hebrew_tet hebrew_yod hebrew_finalkaph
hebrew_kaph hebrew_lamed hebrew_finalmem hebrew_mem hebrew_finalnun hebrew_nun hebrew_samech hebrew_ayin
hebrew_finalpe hebrew_pe hebrew_finalzade hebrew_zade hebrew_qoph hebrew_resh hebrew_shin hebrew_taw U+060C
Arabic_comma U+061B Arabic_semicolon U+061F Arabic_question_mark U+0621 Arabic_hamza Arabic_maddaonalef
Arabic_hamzaonalef Arabic_hamzaonwaw Arabic_hamzaunderalef Arabic_hamzaonyeh Arabic_alef Arabic_beh
Arabic_tehmarbuta Arabic_teh Arabic_theh Arabic_jeem Arabic_hah Arabic_khah Arabic_dal Arabic_thal Arabic_ra
Arabic_zain Arabic_seen Arabic_sheen Arabic_sad Arabic_dad Arabic_tah Arabic_zah Arabic_ain Arabic_ghain U+0640
Arabic_tatweel Arabic_feh Arabic_qaf Arabic_kaf Arabic_lam Arabic_meem Arabic_noon Arabic_ha Arabic_waw
Arabic_alefmaksura Arabic_yeh Arabic_fathatan Arabic_dammatan Arabic_kasratan Arabic_fatha Arabic_damma Arabic_kasra
Arabic_shadda Arabic_sukun Arabic_madda_above Arabic_hamza_above Arabic_hamza_below U+0660 Arabic_0 Arabic_1
Arabic_2 Arabic_3 Arabic_4 Arabic_5 Arabic_6 Arabic_7 Arabic_8 Arabic_9 Arabic_percent U+0670
Arabic_superscript_alef U+0679 Arabic_tteh U+067E Arabic_peh U+0686 Arabic_tcheh U+0688 Arabic_ddal U+0691
Arabic_rreh U+0698 Arabic_jeh U+06A4 Arabic_veh U+06A9 Arabic_keheh U+06AF Arabic_gaf U+06BA Arabic_noon_ghunna
U+06BE Arabic_heh_doachashmee U+06C1 Arabic_heh_goal U+06CC Farsi_yeh U+06D2 Arabic_yeh_baree U+06D4 Arabic_fullstop
U+06F0 Farsi_0 Farsi_1 Farsi_2 Farsi_3 Farsi_4 Farsi_5 Farsi_6 Farsi_7 Farsi_8 Farsi_9 U+0D82 Sinh_ng Sinh_h2 U+0D85
Sinh_a Sinh_aa Sinh_ae Sinh_aee Sinh_i Sinh_ii Sinh_u Sinh_uu Sinh_ri Sinh_rii Sinh_lu Sinh_luu Sinh_e Sinh_ee
Sinh_ai Sinh_o Sinh_oo Sinh_au U+0D9A Sinh_ka Sinh_kha Sinh_ga Sinh_gha Sinh_ng2 Sinh_nga Sinh_ca Sinh_cha Sinh_ja
Sinh_jha Sinh_nya Sinh_jnya Sinh_nja Sinh_tta Sinh_ttha Sinh_dda Sinh_ddha Sinh_nna Sinh_ndda Sinh_tha Sinh_thha
Sinh_dha Sinh_dhha Sinh_na U+0DB3 Sinh_ndha Sinh_pa Sinh_pha Sinh_ba Sinh_bha Sinh_ma Sinh_mba Sinh_ya Sinh_ra
U+0DBD Sinh_la U+0DC0 Sinh_va Sinh_sha Sinh_ssha Sinh_sa Sinh_ha Sinh_lla Sinh_fa U+0DCA Sinh_al U+0DCF Sinh_aa2
Sinh_ae2 Sinh_aee2 Sinh_i2 Sinh_ii2 Sinh_u2 U+0DD6 Sinh_uu2 U+0DD8 Sinh_ru2 Sinh_e2 Sinh_ee2 Sinh_ai2 Sinh_o2
Sinh_oo2 Sinh_au2 Sinh_lu2 U+0DF2 Sinh_ruu2 Sinh_luu2 Sinh_kunddaliya U+0E01 Thai_kokai Thai_khokhai Thai_khokhuat
Thai_khokhwai Thai_khokhon Thai_khorakhang Thai_ngongu Thai_chochan Thai_choching Thai_chochang Thai_soso
Thai_chochoe Thai_yoying Thai_dochada Thai_topatak Thai_thothan Thai_thonangmontho Thai_thophuthao Thai_nonen
Thai_dodek Thai_totao Thai_thothung Thai_thothahan Thai_thothong Thai_nonu Thai_bobaimai Thai_popla Thai_phophung
Thai_fofa Thai_phophan Thai_fofan Thai_phosamphao Thai_moma Thai_yoyak Thai_rorua Thai_ru Thai_loling Thai_lu
Thai_wowaen Thai_sosala Thai_sorusi Thai_sosua Thai_hohip Thai_lochula Thai_oang Thai_honokhuk Thai_paiyannoi
Thai_saraa Thai_maihanakat Thai_saraaa Thai_saraam Thai_sarai Thai_saraii Thai_saraue Thai_sarauee Thai_sarau
Thai_sarauu Thai_phinthu U+0E3F Thai_baht Thai_sarae Thai_saraae Thai_sarao Thai_saraaimaimuan Thai_saraaimaimalai
Thai_lakkhangyao Thai_maiyamok Thai_maitaikhu Thai_maiek Thai_maitho Thai_maitri Thai_maichattawa Thai_thanthakhat
Thai_nikhahit U+0E50 Thai_leksun Thai_leknung Thai_leksong Thai_leksam Thai_leksi Thai_lekha Thai_lekhok
Thai_lekchet Thai_lekpaet Thai_lekkao U+10D0 Georgian_an Georgian_ban Georgian_gan Georgian_don Georgian_en
Georgian_vin Georgian_zen Georgian_tan Georgian_in Georgian_kan Georgian_las Georgian_man Georgian_nar Georgian_on
Georgian_par Georgian_zhar Georgian_rae Georgian_san Georgian_tar Georgian_un Georgian_phar Georgian_khar
Georgian_ghan Georgian_qar Georgian_shin Georgian_chin Georgian_can Georgian_jil Georgian_cil Georgian_char
Georgian_xan Georgian_jhan Georgian_hae Georgian_he Georgian_hie Georgian_we Georgian_har Georgian_hoe Georgian_fi
U+1E02 Babovedot babovedot U+1E0A Dabovedot dabovedot U+1E1E Fabovedot fabovedot U+1E40 Mabovedot mabovedot U+1E56
Pabovedot pabovedot U+1E60 Sabovedot sabovedot U+1E6A Tabovedot tabovedot U+1E82 Wacute wacute U+2009 thinspace
U+2013 endash emdash Greek_horizbar U+2018 leftsinglequotemark rightsinglequotemark singlelowquotemark U+201C
leftdoublequotemark rightdoublequotemark doublelowquotemark U+2020 dagger doubledagger enfilledcircbullet U+2026
ellipsis U+2030 permille U+2032 minutes seconds U+2038 caret U+2070 zerosuperior U+2074 foursuperior fivesuperior
sixsuperior sevensuperior eightsuperior ninesuperior U+2080 zerosubscript onesubscript twosubscript threesubscript
U+20A8 RupeeSign U+20AA NewSheqelSign DongSign EuroSign U+2116 numerosign U+2122 trademark U+2153 onethird U+2159
onesixth U+215B oneeighth threeeighths fiveeighths seveneighths U+2190 leftarrow uparrow rightarrow downarrow U+21D4
ifonlyif U+2202 partdifferential U+2202 partialderivative U+2205 emptyset U+2207 nabla elementof notelementof U+2218
jot U+221A radical U+221D variation infinity U+2227 logicaland logicalor intersection union integral U+2234
therefore because U+223C approximate U+2243 similarequal U+2248 approxeq U+2260 notequal identical U+2264
lessthanequal greaterthanequal U+2282 includedin includes U+22A4 downtack U+2308 upstile U+230A downstile U+2329
leftanglebracket rightanglebracket U+2395 quad U+240B vt U+2424 nl U+2500 horizlinescan5 U+2502 vertbar U+250C
upleftcorner U+2510 uprightcorner U+2514 lowleftcorner U+2518 lowrightcorner U+251C leftt U+2524 rightt U+252C topt
U+2534 bott U+253C crossinglines U+25CB circle U+25E6 enopencircbullet U+2640 femalesymbol U+2642 malesymbol U+2663
club U+2665 heart diamond U+3001 kana_comma kana_fullstop U+300C kana_openingbracket kana_closingbracket U+309B
voicedsound semivoicedsound U+30A1 kana_a kana_A kana_i kana_I kana_u kana_U kana_e kana_E kana_o kana_O kana_KA
U+30AD kana_KI U+30AF kana_KU U+30B1 kana_KE U+30B3 kana_KO U+30B5 kana_SA U+30B7 kana_SHI U+30B9 kana_SU U+30BB
kana_SE U+30BD kana_SO U+30BF kana_TA U+30C1 kana_CHI U+30C3 kana_tsu kana_TSU U+30C6 kana_TE U+30C8 kana_TO U+30CA
kana_NA kana_NI kana_NU kana_NE kana_NO kana_HA U+30D2 kana_HI U+30D5 kana_FU U+30D8 kana_HE U+30DB kana_HO U+30DE
kana_MA kana_MI kana_MU kana_ME kana_MO kana_ya kana_YA kana_yu kana_YU kana_yo kana_YO kana_RA kana_RI kana_RU
kana_RE kana_RO U+30EF kana_WA U+30F2 kana_WO kana_N U+30FB kana_conjunctive prolongedsound
`;

const characters = new Map<string, string>();

function read(): void {
  let code = 0;
  for (const word of NAMES.trim().split(/\s+/)) {
    if (word.startsWith('U+')) code = Number.parseInt(word.slice(2), 16);
    else characters.set(word, String.fromCodePoint(code++));
  }
}

/** The character that a keysym stands for; undefined for one without, as Return, and for the keypad's. */
export function characterOf(keysym: string): string | undefined {
  if (/^[0-9A-Za-z]$/.test(keysym)) return keysym;
  const code = Number.parseInt(/^U([0-9A-F]{4,6})$/i.exec(keysym)?.[1] ?? '', 16);
  if (code <= 0x10_ffff) return String.fromCodePoint(code);
  if (characters.size === 0) read();
  return characters.get(keysym);
}
