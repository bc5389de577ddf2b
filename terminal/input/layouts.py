"""Non-Latin layouts: the US keyboard keys that their letters are on.

With Ctrl, Alt or Meta, the position of a key counts, as everywhere on a desktop: Ctrl and the
Russian с is Ctrl-C. Clients send keysyms, that is letters, and never say which layout they belong
to.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_KEYS = "`1234567890-=qwertyuiop[]asdfghjkl;'\\zxcvbnm,./"
_SHIFTED = '~!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"|ZXCVBNM<>?'
_WITH_SHIFT = str.maketrans(_KEYS, _SHIFTED)

_BY_ALTGR = "ґҐ"
"""Letters that Ukrainians also type with AltGr, that is Ctrl and Alt on Windows."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The characters of a layout, and the US keys that they are on."""

    plain: dict[str, str]
    shifted: dict[str, str]

    def key(self, text: str, shift: bool) -> str:
        """The US key of a character, without Shift; empty if unknown.

        ASCII characters, which every keyboard has, count as part of this layout if they are on the
        key of a letter, like the Greek `;` on Q.
        """
        if not text.isascii():
            return self.plain.get(text) or self.shifted.get(text, "")
        key = (self.shifted if shift else self.plain).get(text, "")
        return key if key.isalpha() else ""


class LayoutGuess:
    """The layout that a person types with, as far as the letters reveal it."""

    __slots__ = ("_layout",)

    def __init__(self) -> None:
        self._layout: Layout | None = None

    def key(self, text: str, *, shift: bool) -> str:
        """The US key that a character was typed with, without Shift; empty in Latin layouts, where
        the letter counts and not the position. Most letters are in several layouts: the last layout
        that a letter identified is kept as long as it fits."""
        if text.isascii():
            if text.isalpha() and not (self._layout and self._layout.key(text, shift)):
                self._layout = None
        elif text in _FIRST and not (self._layout and self._layout.key(text, shift)):
            self._layout = _FIRST[text]
        return self._layout.key(text, shift) if self._layout else ""


def with_shift(key: str) -> str:
    """The character that a US key types with Shift."""
    return key.translate(_WITH_SHIFT)


def by_altgr(text: str) -> bool:
    """Return whether Ctrl and Alt may be the AltGr that a letter was typed with."""
    return text in _BY_ALTGR


_TABLE = {
    "Russian": (
        "ё1234567890-=йцукенгшщзхъфывапролджэ\\ячсмитьбю.",
        'Ё!"№;%:?*()_+ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭ/ЯЧСМИТЬБЮ,',
    ),
    "Ukrainian": (
        "'1234567890-=йцукенгшщзхїфівапролджєґячсмитьбю.",
        'ʼ!"№;%:?*()_+ЙЦУКЕНГШЩЗХЇФІВАПРОЛДЖЄҐЯЧСМИТЬБЮ,',
    ),
    "Belarusian": (
        "ё1234567890-=йцукенгшўзх'фывапролджэ\\ячсмітьбю.",
        "Ё!\"№;%:?*()_+ЙЦУКЕНГШЎЗХ'ФЫВАПРОЛДЖЭ/ЯЧСМІТЬБЮ,",
    ),
    "Serbian": (
        "`1234567890'+љњертзуиопшђасдфгхјклчћжжџцвбнм,.-",
        '~!"#$%&/()=?*ЉЊЕРТЗУИОПШЂАСДФГХЈКЛЧЋЖЖЏЦВБНМ;:_',
    ),
    "Macedonian": (
        " 1234567890-=љњертѕуиопшѓасдфгхјклчќжзџцвбнм,./",
        "~!„“$%^&*()_+ЉЊЕРТЅУИОПШЃАСДФГХЈКЛЧЌЖЗЏЦВБНМ;:?",
    ),
    "Bulgarian": (
        "(1234567890-.,уеишщксдзц;ьяаожгтнвмч„юйъэфхпрлб",
        ')!?+"%=:/–№$€ыУЕИШЩКСДЗЦ§ѝЯАОЖГТНВМЧ“ЮЙЪЭФХПРЛБ',
    ),
    "Kazakh": (
        '("әіңғ,.үұқөһйцукенгшщзхъфывапролджэ\\ячсмитьбю№',
        ")!ӘІҢҒ;:ҮҰҚӨҺЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭ/ЯЧСМИТЬБЮ?",
    ),
    "Kyrgyz": (
        "ё1234567890өңйцукенгшщзхъфывапролджэүячсмитьбю.",
        'Ё!"№;%:?*()ӨҢЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭҮЯЧСМИТЬБЮ,',
    ),
    "Tajik": (
        "ё1234567890ғӯйқукенгшҳзхъфҷвапролджэ\\ячсмитӣбю.",
        'Ё!"№;%:?*()ҒӮЙҚУКЕНГШҲЗХЪФҶВАПРОЛДЖЭ/ЯЧСМИТӢБЮ,',
    ),
    "Uzbek": (
        "ё1234567890ғҳйцукенгшўзхъфқвапролджэ\\ячсмитьбю.",
        'Ё!"№;%:?*()ҒҲЙЦУКЕНГШЎЗХЪФҚВАПРОЛДЖЭ|ЯЧСМИТЬБЮ,',
    ),
    "Mongolian": (
        "=1234567890ещфцужэнгшүзкъйыбөахролдп!ячёсмитьвю",
        '+№-"₮:._,%?ЕЩФЦУЖЭНГШҮЗКЪЙЫБӨАХРОЛДП|ЯЧЁСМИТЬВЮ',
    ),
    "Greek": (
        "`1234567890-=;ςερτυθιοπ[]ασδφγηξκλ '\\ζχψωβνμ,./",
        '~!@#$%^&*()_+:ΣΕΡΤΥΘΙΟΠ{}ΑΣΔΦΓΗΞΚΛ "|ΖΧΨΩΒΝΜ<>?',
    ),
    "Hebrew": (
        ";1234567890-=/'קראטוןםפ][שדגכעיחלךף,\\זסבהנמצתץ.",
        '~!@#$%^&*)(_+QWERTYUIOP}{ASDFGHJKL:"|ZXCVBNM><?',
    ),
    "Arabic": (
        "ذ1234567890-=ضصثقفغعهخحجدشسيبلاتنمكط\\ئءؤرﻻىةوزظ",
        "\u0651!@#$%^&*)(_+\u064e\u064b\u064f\u064cﻹإ`÷×؛<>\u0650\u064d][ﻷأـ،/:\"…~\u0652}{ﻵآ',.؟",
    ),
    "Persian": (
        " ۱۲۳۴۵۶۷۸۹۰-=ضصثقفغعهخحجچشسیبلاتنمکگ\\ظطزرذدپو./",
        "÷!٬٫﷼٪×،*)(ـ+\u0652\u064c\u064d\u064b\u064f\u0650\u064e\u0651][}{ؤئيإأآة»«:؛|ك"
        "\u0653ژ\u0670 \u0654ء><؟",
    ),
    "Urdu": (
        "\u064b1234567890-=قوعرتےءیہپ][اسدفگحجکل؛'\\زشچطبنم،۔/",
        '~!@#$%^&*)(_+\u0652ؤ\u0670ڑٹ\u064eئ\u0650ۃ\u064f}{آصڈ\u0651غھضخ\u0654:"|ذژثظ.ں\u0658<>؟',
    ),
    "Armenian": (
        "՝ֆձ֊,։՞․՛)օէղճփբսմուկըթծցջվգեանիտհպր»ժդչյզլքխշռ",
        "՜ՖՁ—$…%և՚(ՕԷՂՃՓԲՍՄՈՒԿԸԹԾՑՋՎԳԵԱՆԻՏՀՊՐ«ԺԴՉՅԶԼՔԽՇՌ",
    ),
    "Georgian": (
        "„1234567890-=ქწერტყუიოპ[]ასდფგჰჯკლ;'\\ზხცვბნმ,./",
        '“!@#$%^&*()_+QჭEღთYUIOP{}AშDFGHჟKL:"|ძXჩVBNM<>?',
    ),
    "Thai": (
        "_ๅ/-ภถ\u0e38\u0e36คตจขชๆไำพะ\u0e31\u0e35รนยบลฟหกดเ\u0e49\u0e48าสวงฃผปแอ\u0e34\u0e37ทมใฝ",
        '%+๑๒๓๔\u0e39฿๕๖๗๘๙๐"ฎฑธ\u0e4d\u0e4aณฯญฐ,ฤฆฏโฌ\u0e47\u0e4bษศซ.ฅ()ฉฮ\u0e3a\u0e4c?ฒฬฦ',
    ),
    "Lao": (
        " ຢຟໂຖ\u0eb8\u0eb9ຄຕຈຂຊ\u0ecd\u0ebbໄຳພະ\u0eb4\u0eb5ຣນຍບລ\u0eb1ຫກດເ\u0ec9\u0ec8າສວ"
        "ງໜຜປແອ\u0eb6\u0eb7ທມໃຝ",
        " ໑໒໓໔\u0ecc\u0ebc໕໖໗໘໙  ໐ _+  ຮ ຽ-} ;.,:\u0eca\u0ecb!?%=ໝ₭(ຯ   ໆ`$)",
    ),
    "Khmer": (
        "«១២៣៤៥៦៧៨៩០ឥឲឆ\u17b9\u17c1រតយ\u17bb\u17b7\u17c4ផ\u17c0ឪ\u17b6សដថងហ\u17d2កល\u17be"
        "\u17cbឮឋខចវបនម ។\u17ca",
        '»!ៗ"៛%\u17cd\u17d0\u17cf()\u17cc=ឈ\u17ba\u17c2ឬទ\u17bd\u17bc\u17b8\u17c5ភ\u17bf'
        "ឧ \u17c3ឌធអ\u17c7ញគឡ \u17c9ឭឍឃជ ពណ\u17c6 ៕?",
    ),
    "Burmese": (
        "`၁၂၃၄၅၆၇၈၉၀-=ဆတနမအပကငသစဟဩ\u1031\u103b\u102d\u103a\u102b\u1037\u103c\u102f\u1030"
        "\u1038'၏ဖထခလဘည\u102c,./",
        'ဎဍၒဋ$%^ရ*()_+ဈဝဣ၎ဤ၌ဥ၍ဿဏဧဪဗ\u103e\u102e\u1039\u103d\u1036\u1032ဒဓဂ"\\ဇဌဃဠယဉဦ၊။?',
    ),
    "Devanagari": (
        "\u094a१२३४५६७८९०-\u0943\u094c\u0948\u093e\u0940\u0942बहगदजड\u093c\u094b\u0947"
        "\u094d\u093f\u0941परकतचट\u0949\u0946\u0902मनवलस,.य",
        "ऒऍ\u0945#$%^&*()\u0903ऋऔऐआईऊभङघधझढञओएअइउफऱखथछठऑऎ\u0901णऩऴळशष।य़",
    ),
    "Bengali": (
        " ১২৩৪৫৬৭৮৯০-ঋ\u09cc\u09c8\u09be\u09c0\u09c2বহগদজড\u09bc\u09cb\u09c7\u09cd\u09bf"
        "\u09c1পরকতচট\\z\u0982মনবলস,.য়",
        "         ()\u0983\u09c3ঔঐআঈঊভঙঘধঝঢঞওএঅইউফঢ়খথছঠ|Z\u0981ণনবলশষ।য",
    ),
    "Gujarati": (
        " ૧૨૩૪૫૬૭૮૯૦-ઋ\u0acc\u0ac8\u0abe\u0ac0\u0ac2બહગદજડ\u0abc\u0acb\u0ac7\u0acd\u0abf"
        "\u0ac1પરકતચટ\u0ac9z\u0a82મનવલસ,.ય",
        " ઍ\u0ac5      ()\u0a83\u0ac3ઔઐઆઈઊભઙઘધઝઢઞઓએઅઇઉફરખથછઠઑZ\u0a81ણનવળશષ।?",
    ),
    "Gurmukhi": (
        " ੧੨੩੪੫੬੭੮੯੦\u0a03=\u0a4c\u0a48\u0a3e\u0a40\u0a42ਬਹਗਦਜਡ\u0a3c\u0a4b\u0a47\u0a4d"
        "\u0a3f\u0a41ਪਰਕਤਚਟ\\z\u0a02ਮਨਵਲਸ,.ਯ",
        "   \u0a71ੴ☬   () +ਔਐਆਈਊਭਙਘਧਝਢਞਓਏਅਇਉਫੜਖਥਛਠ|\u0a01\u0a70ਣਨਵਲ਼ਸ਼<।?",
    ),
    "Tamil": (
        "\u0bca௧௨௩௪௫௬௭௮௯௰௱௲\u0bcc\u0bc8\u0bbe\u0bc0\u0bc2 ஹ  ஜ ஞ\u0bcb\u0bc7\u0bcd\u0bbf"
        "\u0bc1பரகதசட\\\u0bc6\u0b82மநவலஸ,.ய",
        "ஒ        ()ஃ+ஔஐஆஈஊ ங     ஓஏஅஇஉ ற    |எ ணனழளஶஷ।?",
    ),
    "Telugu": (
        "\u0c4a౧౨౩౪౫౬౭౮౯౦\u0c03\u0c43\u0c4c\u0c48\u0c3e\u0c40\u0c42బహగదజడఞ\u0c4b\u0c47"
        "\u0c4d\u0c3f\u0c41పరకతచట\\\u0c46\u0c02మనవలస,.య",
        "ఒ  #$%^&*()_ఋఔఐఆఈఊభఙఘధఝఢ ఓఏఅఇఉఫఱఖథఛఠ|ఎ\u0c01ణ  ళశష @",
    ),
    "Kannada": (
        "\u0cca೧೨೩೪೫೬೭೮೯೦\u0c83\u0cc3\u0ccc\u0cc8\u0cbe\u0cc0\u0cc2ಬಹಗದಜಡ\u0cbc\u0ccb"
        "\u0cc7\u0ccd\u0cbf\u0cc1ಪರಕತಚಟ\\\u0cc6\u0c82ಮನವಲಸ,.ಯ",
        "ಒ           ಋಔಐಆಈಊಭಙಘಧಝಢಞಓಏಅಇಉಫಱಖಥಛಠ|ಎ ಣ  ಳಶಷ @",
    ),
    "Malayalam": (
        "\u0d4a൧൨൩൪൫൬൭൮൯൦-\u0d43\u0d4c\u0d48\u0d3e\u0d40\u0d42ബഹഗദജഡ \u0d4b\u0d47\u0d4d"
        "\u0d3f\u0d41പരകതചട \u0d46\u0d02മനവലസ,.യ",
        "ഒ!@#$%^&*()\u0d03ഋഔഐആഈഊഭങഘധഝഢഞഓഏഅഇഉഫറഖഥഛഠ\\എ ണ ഴളശഷ ?",
    ),
    "Korean": (
        "             ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ[]ㅁㄴㅇㄹㅎㅗㅓㅏㅣ;'\\ㅋㅌㅊㅍㅠㅜㅡ,./",
        '             ㅃㅉㄸㄲㅆㅛㅕㅑㅒㅖ{}ㅁㄴㅇㄹㅎㅗㅓㅏㅣ:"|ㅋㅌㅊㅍㅠㅜㅡ<>?',
    ),
}
"""The characters without and with Shift from XKB, key by key in the order of `_KEYS`; a space where
there is none. If layouts share a letter, the first one listed takes precedence."""


def _keys(characters: str) -> dict[str, str]:
    """The US key of each character; the first one if it is on two."""
    pairs = zip(characters, _KEYS, strict=False)
    keys: dict[str, str] = {}
    for character, key in pairs:
        keys.setdefault(character, key)
    keys.pop(" ", None)
    return keys


def _tells(character: str) -> bool:
    """Return whether a character identifies a non-Latin layout; symbols do not."""
    return not character.isascii() and unicodedata.category(character)[0] in "LMN"


_LAYOUTS = [Layout(_keys(plain), _keys(shifted)) for plain, shifted in _TABLE.values()]
_FIRST = {
    character: layout
    for layout in reversed(_LAYOUTS)
    for character in (*layout.plain, *layout.shifted)
    if _tells(character)
}
