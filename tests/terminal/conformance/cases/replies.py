"""Queries, modes and command strings: DEC STD 070, xterm's ctlseqs, and what others added."""

from __future__ import annotations

from tests.terminal.conformance.case import Case

_ST = "\x1b\\"
_REPLIES = {
    "DA1": ("\x1b[c", "\x1b[?62;22c"),
    "DA1 with 0": ("\x1b[0c", "\x1b[?62;22c"),
    "DECID": ("\x1bZ", "\x1b[?62;22c"),
    "DA2": ("\x1b[>c", "\x1b[>1;379;0c"),
    "DA2 with 0": ("\x1b[>0c", "\x1b[>1;379;0c"),
    "DA3": ("\x1b[=c", "\x1bP!|00000000\x1b\\"),
    "XTVERSION": ("\x1b[>q", "\x1bP>|guacr\x1b\\"),
    "XTVERSION with 0": ("\x1b[>0q", "\x1bP>|guacr\x1b\\"),
    "DSR 5": ("\x1b[5n", "\x1b[0n"),
    "CPR": ("ab\x1b[6n", "\x1b[1;3R"),
    "CPR at the end": ("\x1b[99;99H\x1b[6n", "\x1b[6;20R"),
    "CPR before a wrap": ("x" * 20 + "\x1b[6n", "\x1b[1;20R"),
    "CPR in origin mode": ("\x1b[2;4r\x1b[?6h\x1b[2;3H\x1b[6n", "\x1b[2;3R"),
    "DSR of nothing": ("\x1b[n\x1b[99n", ""),
    "colour scheme": ("\x1b[?996n", "\x1b[?997;1n"),
    "ENQ": ("\x05", "guacr here"),
    "XTWINOPS 14": ("\x1b[14t", "\x1b[4;114;200t"),
    "XTWINOPS 16": ("\x1b[16t", "\x1b[6;19;10t"),
    "XTWINOPS 18": ("\x1b[18t", "\x1b[8;6;20t"),
    "XTWINOPS 21 tells no title": ("\x1b]2;evil\x07\x1b[21t", ""),
    "DECRQSS SGR": ("\x1b[1;31m\x1bP$qm\x1b\\", "\x1bP1$r0;1;31m\x1b\\"),
    "DECRQSS plain SGR": ("\x1bP$qm\x1b\\", "\x1bP1$r0m\x1b\\"),
    "DECRQSS DECSTBM": ("\x1b[2;4r\x1bP$qr\x1b\\", "\x1bP1$r2;4r\x1b\\"),
    "DECRQSS DECSCUSR": ("\x1b[4 q\x1bP$q q\x1b\\", "\x1bP1$r4 q\x1b\\"),
    "DECRQSS unknown": ("\x1bP$qx\x1b\\", "\x1bP0$r\x1b\\"),
    "OSC 4 query": ("\x1b]4;2;?\x07", "\x1b]4;2;rgb:0202/0e0e/3e3e\x07"),
    "OSC 4 two queries": (
        f"\x1b]4;1;?;2;?{_ST}",
        f"\x1b]4;1;rgb:0101/0707/1f1f{_ST}\x1b]4;2;rgb:0202/0e0e/3e3e{_ST}",
    ),
    "OSC 4 set and query": (
        "\x1b]4;1;rgb:12/34/56\x07\x1b]4;1;?\x07",
        "\x1b]4;1;rgb:1212/3434/5656\x07",
    ),
    "OSC 4 set by #": ("\x1b]4;1;#123456\x07\x1b]4;1;?\x07", "\x1b]4;1;rgb:1212/3434/5656\x07"),
    "OSC 104": (
        "\x1b]4;1;#123456\x07\x1b]104;1\x07\x1b]4;1;?\x07",
        "\x1b]4;1;rgb:0101/0707/1f1f\x07",
    ),
    "OSC 104 of all": (
        "\x1b]4;1;#123456\x07\x1b]104\x07\x1b]4;1;?\x07",
        "\x1b]4;1;rgb:0101/0707/1f1f\x07",
    ),
    "OSC 10": ("\x1b]10;?\x07", "\x1b]10;rgb:c8c8/c8c8/c8c8\x07"),
    "OSC 11": ("\x1b]11;?\x07", "\x1b]11;rgb:0000/0000/2828\x07"),
    "OSC 12 is the foreground at first": ("\x1b]12;?\x07", "\x1b]12;rgb:c8c8/c8c8/c8c8\x07"),
    "OSC 10 of two": (
        "\x1b]10;?;?\x07",
        "\x1b]10;rgb:c8c8/c8c8/c8c8\x07\x1b]11;rgb:0000/0000/2828\x07",
    ),
    "OSC 11 set": ("\x1b]11;#010203\x07\x1b]11;?\x07", "\x1b]11;rgb:0101/0202/0303\x07"),
    "OSC 11 by name": ("\x1b]11;red\x07\x1b]11;?\x07", "\x1b]11;rgb:ffff/0000/0000\x07"),
    "OSC 111": (
        "\x1b]11;#010203\x07\x1b]111\x07\x1b]11;?\x07",
        "\x1b]11;rgb:0000/0000/2828\x07",
    ),
    "OSC 110": (
        "\x1b]10;#010203\x07\x1b]110\x07\x1b]10;?\x07",
        "\x1b]10;rgb:c8c8/c8c8/c8c8\x07",
    ),
    "OSC 112": (
        "\x1b]12;#010203\x07\x1b]112\x07\x1b]12;?\x07",
        "\x1b]12;rgb:c8c8/c8c8/c8c8\x07",
    ),
    "OSC 12 set": ("\x1b]12;#010203\x07\x1b]12;?\x07", "\x1b]12;rgb:0101/0202/0303\x07"),
}
_KEYBOARD = {
    "nothing at first": ("", 0),
    "push": ("\x1b[>5u", 5),
    "push of nothing": ("\x1b[>5u\x1b[>u", 0),
    "push of all": ("\x1b[>31u", 31),
    "pop": ("\x1b[>1u\x1b[>5u\x1b[<u", 1),
    "pop of two": ("\x1b[>1u\x1b[>3u\x1b[>5u\x1b[<2u", 1),
    "pop of more than there are": ("\x1b[>1u\x1b[>3u\x1b[<9u", 0),
    "pop of what was set": ("\x1b[=7u\x1b[<u", 0),
    "pop of nothing": ("\x1b[<u", 0),
    "set": ("\x1b[=5u", 5),
    "set in place of the others": ("\x1b[=5u\x1b[=2;1u", 2),
    "set some": ("\x1b[=5u\x1b[=2;2u", 7),
    "reset some": ("\x1b[=7u\x1b[=2;3u", 5),
    "set changes the top alone": ("\x1b[>1u\x1b[>5u\x1b[=2u\x1b[<u", 1),
    "eight at most": ("\x1b[=3u" + "\x1b[>1u" * 8 + "\x1b[<7u", 1),
    "the oldest is lost": ("\x1b[=3u" + "\x1b[>1u" * 8 + "\x1b[<8u", 0),
    "its own on the alternate screen": ("\x1b[>5u\x1b[?1049h", 0),
    "kept for the primary screen": ("\x1b[>5u\x1b[?1049h\x1b[>3u\x1b[?1049l", 5),
    "kept for the alternate screen": ("\x1b[?1049h\x1b[>3u\x1b[?1049l\x1b[?1049h", 3),
    "RIS": ("\x1b[>5u\x1bc", 0),
    "not by SCORC": ("\x1b[>5u\x1b[s\x1b[u", 5),
}
_OFF_AT_FIRST = (1, 5, 6, 9, 12, 47, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016)
_MORE_OFF = (45, 69, 1047, 1049, 2004, 2026, 2031)
_ON_AT_FIRST = (7, 25, 1007)
_SWALLOWED = {
    "OSC by BEL": "\x1b]999;x\x07",
    "OSC by ST": f"\x1b]999;x{_ST}",
    "OSC of nothing": "\x1b]\x07",
    "OSC with a word": "\x1b]word;x\x07",
    "OSC 0": "\x1b]0;t\x07",
    "OSC 1": "\x1b]1;t\x07",
    "OSC 2": "\x1b]2;t\x07",
    "OSC 7": "\x1b]7;file://h/d\x07",
    "OSC 8": f"\x1b]8;;http://x/{_ST}\x1b]8;;{_ST}",
    "OSC 9": "\x1b]9;note\x07",
    "OSC 52": "\x1b]52;c;aGk=\x07",
    "OSC 133": "\x1b]133;A\x07",
    "OSC 777": "\x1b]777;notify;a;b\x07",
    "OSC 1337": "\x1b]1337;File=:AA==\x07",
    "DCS": f"\x1bPtext{_ST}",
    "DCS sixel": f"\x1bPq#0;2;0;0;0~-{_ST}",
    "XTGETTCAP": f"\x1bP+q544e{_ST}",
    "APC": f"\x1b_Gq=1{_ST}",
    "PM": f"\x1b^text{_ST}",
    "SOS": f"\x1bXtext{_ST}",
    "DCS with BEL within": f"\x1bPa\x07b{_ST}",
    "DECSCUSR": "\x1b[4 q",
    "DECSCA": '\x1b[1"q',
    "DECSCL": '\x1b[62;1"p',
    "XTMODKEYS": "\x1b[>4;2m",
    "modifyOtherKeys off": "\x1b[>4n",
    "Kitty keyboard push": "\x1b[>1u",
    "Kitty keyboard pop": "\x1b[<u",
    "XTSAVE": "\x1b[?1000s",
    "XTRESTORE": "\x1b[?1000r",
    "XTPUSHSGR": "\x1b[#{",
    "title stack": "\x1b[22;0t\x1b[23;0t",
    "S8C1T": "\x1b F\x1b G",
    "UTF-8 selected": "\x1b%G",
    "DECKPAM and DECKPNM": "\x1b=\x1b>",
    "an unknown final": "\x1b[5y",
    "an unknown escape": "\x1b!z",
    "CAN": "\x1b[1\x18",
    "SUB": "\x1b[1\x1a",
    "ESC within a sequence": "\x1b[1\x1b[m",
    "CAN in OSC": "\x1b]0;t\x18",
    "colons where none belong": "\x1b[1:2H",
    "prefix in the wrong place": "\x1b[1?h",
    "very many parameters": "\x1b[" + "0;" * 60 + "m",
    "a very large parameter": "\x1b[99999999999m",
    "mouse modes": "\x1b[?1000h\x1b[?1002h\x1b[?1003h\x1b[?1006h",
    "sync": "\x1b[?2026h\x1b[?2026l",
    "cursor hidden": "\x1b[?25l\x1b[?25h",
}
_TITLES = {
    "OSC 0": ("\x1b]0;both\x07", "both"),
    "OSC 2": ("\x1b]2;name\x07", "name"),
    "with ST": (f"\x1b]2;name{_ST}", "name"),
    "in UTF-8": ("\x1b]2;é漢🙂\x07", "é漢🙂"),
    "with semicolons": ("\x1b]2;a;b;c\x07", "a;b;c"),
    "empty": ("\x1b]2;a\x07\x1b]2;\x07", ""),
    "OSC 1 is the icon's": ("\x1b]1;icon\x07", ""),
    "two": ("\x1b]2;a\x07\x1b]2;b\x07", "b"),
}


def _mode(number: int, state: int, before: str = "") -> Case:
    told = f"\x1b[?{number};{state}$y"
    name = f"DECRQM {number} {before[1:] or 'at first'}"
    return Case(name, f"{before}\x1b[?{number}$p", replies=told)


CASES = (
    *(Case(name, data, replies=reply) for name, (data, reply) in _REPLIES.items()),
    *(
        Case(f"keyboard: {name}", f"{data}\x1b[?u", replies=f"\x1b[?{flags}u")
        for name, (data, flags) in _KEYBOARD.items()
    ),
    *(_mode(number, 2) for number in (*_OFF_AT_FIRST, *_MORE_OFF)),
    *(_mode(number, 1) for number in _ON_AT_FIRST),
    *(_mode(number, 1, f"\x1b[?{number}h") for number in (*_OFF_AT_FIRST, *_MORE_OFF)),
    *(_mode(number, 2, f"\x1b[?{number}l") for number in _ON_AT_FIRST),
    *(_mode(number, 0) for number in (2, 8888, 31_000)),
    Case("DECRQM ANSI 4", "\x1b[4$p", replies="\x1b[4;2$y"),
    Case("DECRQM ANSI 4 set", "\x1b[4h\x1b[4$p", replies="\x1b[4;1$y"),
    Case("DECRQM ANSI 20", "\x1b[20$p", replies="\x1b[20;2$y"),
    Case("DECRQM ANSI unknown", "\x1b[99$p", replies="\x1b[99;0$y"),
    Case("two modes at once", "\x1b[?1;2004h\x1b[?2004$p", replies="\x1b[?2004;1$y"),
    Case(
        "XTSAVE and XTRESTORE",
        "\x1b[?1004h\x1b[?1004s\x1b[?1004l\x1b[?1004r\x1b[?1004$p",
        replies="\x1b[?1004;1$y",
    ),
    Case("RIS resets modes", "\x1b[?2004h\x1bc\x1b[?2004$p", replies="\x1b[?2004;2$y"),
    *(Case(f"swallowed: {name}", f"a{data}b", ("ab",)) for name, data in _SWALLOWED.items()),
    *(Case(f"title: {name}", data, title=title) for name, (data, title) in _TITLES.items()),
    Case("OSC ended by another sequence", "a\x1b]2;x\x1b[3Cb", ("a   b",), title="x"),
    Case("OSC over lines", "a\x1b]2;x\ny\x07b", ("ab",)),
)
