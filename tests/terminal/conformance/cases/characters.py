"""Characters: UTF-8, widths (UAX 11), clusters (UAX 29), character sets (ECMA-35, DEC STD 070)."""

from __future__ import annotations

from tests.terminal.conformance.case import Case

_LINES = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"
_FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
_FLAG = "\U0001f1eb\U0001f1f7"
_WIDTHS = {
    "ASCII": ("ab", 2),
    "Latin": ("éß", 2),
    "Greek and Cyrillic": ("αЖ", 2),
    "CJK": ("漢字", 4),
    "kana": ("かな", 4),
    "Hangul": ("한글", 4),
    "full-width forms": ("ＡＢ", 4),
    "half-width forms": ("ｱｲ", 2),
    "box drawing": ("─│┼", 3),
    "blocks": ("█▀▄", 3),
    "Braille": ("⠿⡇", 2),
    "powerline": ("\ue0b0\ue0b2", 2),
    "private use": ("\ue000", 1),
    "arrows": ("↑←", 2),
    "mathematics": ("∑√", 2),
    "emoji": ("🙂", 2),
    "emoji in the BMP": ("⌚", 2),
    "ideographic space": ("\u3000", 2),
    "combining acute": ("e\u0301", 1),
    "two combining": ("a\u0301\u0323", 1),
    "combining on wide": ("漢\u0301", 2),
    "ZWJ family": (_FAMILY, 6),
    "flag": (_FLAG, 2),
    "two flags": (_FLAG * 2, 4),
    "skin tone": ("👍\U0001f3fd", 4),
    "VS16": ("❤\ufe0f", 1),
    "VS16 of a warning": ("⚠\ufe0fx", 2),
    "VS16 after a letter": ("a\ufe0fb", 2),
    "VS15": ("⌚\ufe0e", 2),
    "keycap": ("1\ufe0f\u20e3", 1),
    "Jamo": ("\u1112\u1161\u11ab", 2),
    "zero width space": ("a\u200bb", 2),
    "zero width joiner": ("a\u200db", 2),
    "word joiner": ("a\u2060b", 2),
    "byte order mark": ("a\ufeffb", 2),
    "Hangul filler": ("a\u3164b", 4),
    "half-width Hangul filler": ("\uffa0", 1),
    "two-em dash": ("\u2e3a", 1),
    "trigram": ("☰", 1),
    "circled number": ("㉈", 2),
    "Tai Xuan Jing": ("\U0001d306", 1),
    "interlinear annotation": ("a\ufff9b", 2),
    "ambiguous": ("±…“", 3),
    "half-width voicing": ("ｶﾞ", 2),
    "Tamil vowel": ("நி", 2),
    "Devanagari conjunct": ("क्ष", 2),
    "Bengali vowel": ("কি", 2),
    "Hebrew point": ("\u05d0\u05b7", 1),
    "Arabic": ("\u0633\u0644", 2),
    "Devanagari vowel": ("\u0915\u093f", 2),
    "Thai": ("\u0e01\u0e33", 2),
    "enclosing": ("a\u20dd", 1),
    "soft hyphen": ("a\u00adb", 3),
    "astral letter": ("𝒜", 1),
    "CJK extension B": ("\U00020000", 2),
}
_CLUSTERS = {
    "ZWJ family": (_FAMILY, 2),
    "flag": (_FLAG, 2),
    "two flags": (_FLAG * 2, 4),
    "skin tone": ("👍\U0001f3fd", 2),
    "VS16": ("❤\ufe0f", 2),
    "VS16 after a letter": ("a\ufe0fb", 2),
    "VS15": ("⌚\ufe0e", 1),
    "keycap": ("1\ufe0f\u20e3", 2),
    "combining": ("e\u0301", 1),
    "Jamo": ("\u1112\u1161\u11ab", 2),
    "Thai": ("\u0e01\u0e33", 2),
    "Devanagari vowel": ("\u0915\u093f", 2),
    "Devanagari conjunct": ("क्ष", 2),
    "Khmer conjunct": ("ក្ក", 2),
    "half-width voicing": ("ｶﾞ", 2),
    "trigram": ("☰", 1),
    "circled number": ("㉈", 2),
    "Hangul filler": ("a\u3164b", 4),
}
"""Once they are asked for (mode 2027)."""
_OVERWRITES = {
    "left half": ("漢字\x1b[1;1Hx", "x 字"),
    "right half": ("漢字\x1b[1;2Hx", " x字"),
    "both by a wide one": ("漢字\x1b[1;2Hか", " か"),
    "erase the left half": ("漢字\x1b[1;1H\x1b[X", "  字"),
    "erase the right half": ("漢字\x1b[1;2H\x1b[X", "  字"),
    "EL from the right half": ("漢字\x1b[1;2H\x1b[K", ""),
    "EL 1 to the left half": ("漢字\x1b[1;3H\x1b[1K", ""),
    "delete the left half": ("漢字x\x1b[1;1H\x1b[P", " 字x"),
    "insert at the right half": ("漢字\x1b[1;2H\x1b[@", "   字"),
    "wide over narrow": ("abc\x1b[1;1H漢", "漢c"),
    "a combining mark at the start": ("\u0301x", "x"),
}
_WRAPS = {
    "wide at the last column": ("x" * 19 + "漢", ("x" * 19, "漢"), (2, 1)),
    "wide that just fits": ("x" * 18 + "漢", ("x" * 18 + "漢",), (18, 0)),
    "wide after a full row": ("x" * 18 + "漢字", ("x" * 18 + "漢", "字"), (2, 1)),
    "combining on the last column": ("x" * 20 + "\u0301", ("x" * 20 + "\u0301",), (19, 0)),
    "a row of wide ones": ("漢" * 11, ("漢" * 10, "漢"), (2, 1)),
    "IRM with wide": ("abc\x1b[1;1H\x1b[4h漢", ("漢abc",), (2, 0)),
    "REP of a wide one": ("漢\x1b[2b", ("漢漢漢",), (6, 0)),
}
_SETS = {
    "G0": ("\x1b(0qx\x1b(Bq", "─│q"),
    "G1 by SO": ("\x1b)0\x0eqx\x0fq", "─│q"),
    "G2 by LS2": ("\x1b*0\x1bnq\x0fq", "─q"),
    "G3 by LS3": ("\x1b+0\x1boq\x0fq", "─q"),
    "G2 by SS2": ("\x1b*0\x1bNqq", "─q"),
    "G3 by SS3": ("\x1b+0\x1bOqq", "─q"),
    "British": ("\x1b(A#", "£"),
    "SO without a set": ("\x0eq\x0fq", "qq"),
    "capitals are themselves": ("\x1b(0ABC", "ABC"),
    "DECSC keeps sets": ("\x1b(0\x1b7\x1b(B\x1b8q", "─"),
    "RIS resets sets": ("\x1b(0\x1bcq", "q"),
    "DECSTR resets sets": ("\x1b(0\x1b[!pq", "q"),
    "an unknown set": ("\x1b(Zq", "q"),
}
_BROKEN = {
    "a lone continuation": (b"a\x80b", "a\ufffdb"),
    "a lone lead": (b"a\xc3b", "a\ufffdb"),
    "FF": (b"a\xffb", "a\ufffdb"),
    "truncated by a control": (b"a\xe6\xbc\r\nb", "a\ufffd"),
}

CASES = (
    *(
        Case(f"width: {name}", f"{text}", cursor=(width, 0))
        for name, (text, width) in _WIDTHS.items()
    ),
    *(
        Case(f"cluster: {name}", f"\x1b[?2027h{text}", cursor=(width, 0))
        for name, (text, width) in _CLUSTERS.items()
    ),
    Case("clusters are not asked for", "\x1b[?2027$p", replies="\x1b[?2027;2$y"),
    Case("clusters were asked for", "\x1b[?2027h\x1b[?2027$p", replies="\x1b[?2027;1$y"),
    Case("RIS ends clusters", f"\x1b[?2027h\x1bc{_FLAG * 2}", cursor=(4, 0)),
    Case("clusters end", f"\x1b[?2027h{_FLAG}\x1b[?2027l👍\U0001f3fd", cursor=(6, 0)),
    *(Case(f"wide: {name}", data, (wanted,)) for name, (data, wanted) in _OVERWRITES.items()),
    *(
        Case(f"wide: {name}", data, wanted, cursor)
        for name, (data, wanted, cursor) in _WRAPS.items()
    ),
    *(Case(f"charset: {name}", data, (wanted,)) for name, (data, wanted) in _SETS.items()),
    *(
        Case(f"line drawing {code:#x}", f"\x1b(0{chr(code)}", (wanted,))
        for code, wanted in enumerate(_LINES, 0x60)
    ),
    Case("C1 in UTF-8 is not drawn", "a\x9b3Cb", ("a3Cb",)),
    Case("DEL is not drawn", "a\x7fb", ("ab",)),
    Case("NUL is not drawn", "a\0b", ("ab",)),
)
BROKEN = _BROKEN
