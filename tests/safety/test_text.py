import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from swarmtui.safety.text import MARKS, Cleaner, clean, one_line, visible

ESC = "\x1b"
PAYLOADS = {
    # name: (hostile, what may remain)
    "sgr": (f"{ESC}[31mred{ESC}[0m", "red"),
    "sgr with colons": (f"{ESC}[38:2:1:2:3mx", "x"),
    "clear screen": (f"{ESC}[2J{ESC}[Hx", "x"),
    "cursor up and erase": (f"a\n{ESC}[1A{ESC}[2Kb", "a\nb"),
    "cursor query": (f"{ESC}[6n", ""),
    "device attributes": (f"{ESC}[c{ESC}[>0c", ""),
    "private mode": (f"{ESC}[?1049h{ESC}[?25l", ""),
    "intermediate byte": (f"{ESC}[2 qx", "x"),
    "window report": (f"{ESC}[21t", ""),
    "csi with a parameter too late": (f"{ESC}[2 3x", "3x"),
    "csi cut by a letter outside the grammar": (f"{ESC}[3é", "é"),
    "csi at the end": (f"x{ESC}[31", "x"),
    "escape at the end": (f"x{ESC}", "x"),
    "two escapes": (f"{ESC}{ESC}[31mx", "x"),
    "osc title, bel": (f"{ESC}]0;pwned\x07x", "x"),
    "osc title, st": (f"{ESC}]2;pwned{ESC}\\x", "x"),
    "osc title, 8 bit st": (f"{ESC}]2;pwned\x9cx", "x"),
    "osc 8 link": (f"{ESC}]8;;http://evil{ESC}\\text{ESC}]8;;{ESC}\\", "text"),
    "osc 52 clipboard": (f"{ESC}]52;c;ZXZpbA==\x07", ""),
    "osc without end hides one line at most": (f"{ESC}]0;hidden\nshown", "\nshown"),
    "osc cut by another sequence": (f"{ESC}]0;hid{ESC}[31mx", "x"),
    "osc cancelled": (f"{ESC}]0;hid\x18x", "x"),
    "dcs": (f"{ESC}P1$r0m{ESC}\\x", "x"),
    "dcs tmux passthrough": (f"{ESC}Ptmux;{ESC}{ESC}]52;c;eA==\x07{ESC}\\x", "x"),
    "apc kitty graphics": (f"{ESC}_Gf=24;AAAA{ESC}\\x", "x"),
    "pm": (f"{ESC}^secret{ESC}\\x", "x"),
    "sos": (f"{ESC}Xsecret{ESC}\\x", "x"),
    "screen title": (f"{ESC}ktitle{ESC}\\x", "x"),
    "c1 csi": ("\x9b31mred", "red"),
    "c1 osc": ("\x9d0;pwned\x9cx", "x"),
    "c1 dcs": ("\x90q\x9cx", "x"),
    "c1 apc pm sos": ("\x9fa\x9c\x9eb\x9c\x98c\x9cx", "x"),
    "c1 others": ("a\x84\x88\x8d\x9ab", "ab"),
    "charset": (f"{ESC}(0x{ESC}(B", "x"),
    "full reset": (f"{ESC}cx", "x"),
    "save and restore cursor": (f"{ESC}7x{ESC}8", "x"),
    "index up": (f"{ESC}Mx", "x"),
    "nul": ("a\0b", "ab"),
    "bell": ("a\ab", "ab"),
    "backspace overwrite": ("rm\b\bls", "rmls"),
    "carriage return overwrite": ("rm -rf /\rls", "rm -rf /\nls"),
    "dos lines": ("a\r\nb\r\n", "a\nb\n"),
    "return, colour, newline": (f"a\r{ESC}[0m\nb", "a\nb"),
    "shift out": ("\x0ex\x0f", "x"),
    "form feed and vertical tab": ("a\fb\vc", "abc"),
    "delete": ("a\x7fb", "ab"),
    "next line": ("a\x85b", "a\nb"),
    "line and paragraph separator": ("a\u2028b\u2029c", "a\nb\nc"),
    "bidi override": ("a\u202egpj.exe\u202c", "agpj.exe"),
    "bidi isolates": ("\u2066a\u2067b\u2068c\u2069", "abc"),
    "bidi marks": ("\u200ea\u200fb\u061cc\u202ad\u202be\u202d", "abcde"),
    "zero width": ("a\u200bb\u200cc\u2060d\ufeffe", "abcde"),
    "soft hyphen and fillers": ("a\u00adb\u115f\u1160\u3164\uffa0c", "abc"),
    "tag characters": ("hi\U000e0001\U000e0069\U000e007f", "hi"),
    "smuggling variation selectors": ("a\ufe00\U000e0100\U000e01efb", "ab"),
    "joiner between letters": ("a\u200db", "ab"),
    "variation selector on a letter": ("a\ufe0f\u200d😀", "a😀"),
    "zalgo": ("a" + "\u0301" * 2000, "a" + "\u0301" * MARKS),
    "zalgo around an override": ("a" + "\u0301" * 8 + "\u202e" + "\u0302" * 8, "a" + "\u0301" * 8),
    "lone surrogate": ("a\ud800b\udfff", "a\ufffdb\ufffd"),
    "noncharacter": ("a\ufdd0\uffff\U0010fffe", "a\ufffd\ufffd\ufffd"),
    "escape split by a zero width space": (f"{ESC}\u200b[31mx", "[31mx"),
}
HARMLESS = [
    "plain text, tab\there\nand a new line",
    "été 日本語 العربية עברית हिन्दी",
    "👩‍👩‍👧 ❤️ 👍🏽 🏳️‍🌈 1️⃣ ☎︎ ❤️‍🔥",
    "box ┌─┐ braille ⣿ powerline \ue0b0",
    "[red]markup is not for us[/red]",
]
CONTROLS = st.sampled_from(f"{ESC}[]m\x07\\\x9b\x9d\x9c\x18Pk( \r\n\x85\u2028\u202e")
NEIGHBOURS = st.sampled_from(
    ["0;", "a", "1", "\u200d", "\ufe0f", "😀", "❤", "🏽", "\u0301", "\u0301" * 7, "\U000e0061"]
)
PIECES = CONTROLS | NEIGHBOURS | st.just("\ud800")
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=40).map("".join)


def harmful(text: str) -> list[str]:
    """What must never be shown, told by Unicode's own data rather than by the tables under test."""
    found = []
    marks = 0
    for before, char in zip(" " + text, text, strict=False):
        category = unicodedata.category(char)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        bidi = unicodedata.bidirectional(char)
        if (
            (category == "Cc" and char not in "\n\t")
            or category in ("Cs", "Zl", "Zp")
            or (
                bidi in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI", "BN")
                and not (char == "\u200d" and (before == "\ufe0f" or before == "\ufe0e" or before > "\u203b"))
            )
            or char in "\u200e\u200f\u061c"
            or 0xE0000 <= ord(char) <= 0xE0FFF
            or ord(char) & 0xFFFE == 0xFFFE
            or marks > MARKS
        ):
            found.append(f"U+{ord(char):04X}")
    return found


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_leaves_only_its_text(name: str) -> None:
    hostile, remains = PAYLOADS[name]
    assert clean(hostile) == remains
    assert harmful(clean(hostile)) == []


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_in_two_pieces_leaves_no_debris(name: str) -> None:
    hostile, remains = PAYLOADS[name]
    for cut in range(0, len(hostile) + 1, 1 + len(hostile) // 500):
        cleaner = Cleaner()
        assert cleaner.feed(hostile[:cut]) + cleaner.feed(hostile[cut:]) + cleaner.flush() == remains


@pytest.mark.parametrize("text", HARMLESS)
def test_what_people_read_is_kept(text: str) -> None:
    assert clean(text) == text
    cleaner = Cleaner()
    assert "".join(map(cleaner.feed, text)) + cleaner.flush() == text


@given(st.text() | TEXTS)
def test_nothing_harmful_is_ever_shown(text: str) -> None:
    assert harmful(clean(text)) == []


@given(st.text() | TEXTS)
def test_clean_text_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.lists(TEXTS | st.text(), max_size=12))
@example(["1\ufe0f" + "\u0301" * 7 + "[\ud800", "\xa0"])
def test_a_stream_is_cleaned_like_the_whole(chunks: list[str]) -> None:
    cleaner = Cleaner()
    shown = "".join([cleaner.feed(chunk) for chunk in chunks]) + cleaner.flush()
    assert shown == clean("".join(chunks))


def test_a_sequence_without_end_takes_no_memory() -> None:
    cleaner = Cleaner()
    cleaner.feed(f"{ESC}]52;c;")
    for _ in range(100):
        assert cleaner.feed("A" * 1000) == ""
    assert sum(len(value) for value in (cleaner._open, cleaner._tail, cleaner._joiner)) < 50
    assert cleaner.feed("\x07after") == "after"


def test_a_flushed_cleaner_begins_anew() -> None:
    cleaner = Cleaner()
    cleaner.feed(f"{ESC}]0;open")
    cleaner.flush()
    assert cleaner.feed("text") == "text"


def test_without_newlines_a_text_is_one_line() -> None:
    assert clean("a\r\nb\tc\u2028d", keep_newlines=False) == "a b c d"


@pytest.mark.parametrize(
    ("text", "limit", "line"),
    [
        ("  a \n\n b\t c ", 20, "a b c"),
        ("x" * 50, 10, "x" * 9 + "…"),
        (f"{ESC}[31mred{ESC}[0m", 3, "red"),
        ("", 5, ""),
        ("ab", 1, "…"),
    ],
)
def test_a_title_is_one_short_line(text: str, limit: int, line: str) -> None:
    assert one_line(text, limit) == line


@given(st.text(), st.integers(1, 50))
def test_a_title_never_passes_its_limit(text: str, limit: int) -> None:
    assert len(one_line(text, limit)) <= limit
    assert "\n" not in one_line(text, limit)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ls -la", "ls -la"),
        ("rm\rls", r"rm\rls"),
        ("a\nb", r"a\nb"),
        ("\\n", r"\\n"),
        (f"{ESC}[8mhidden", r"\x1b[8mhidden"),
        ("a\u202eb\u200bc\u00a0d", r"a\u202eb\u200bc\xa0d"),
        ("\U000e0061\u3164\ufe0f\ud800", r"\U000e0061\u3164\ufe0f\ud800"),
        ("日本語 é", "日本語 é"),
        ("a\u0301\u0301\u0301", "a\u0301\u0301\\u0301"),
    ],
)
def test_an_approval_shows_what_is_hidden(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text() | TEXTS)
def test_no_two_commands_look_the_same_in_an_approval(text: str) -> None:
    assert visible(text).encode("latin-1", "backslashreplace").decode("unicode_escape", "surrogatepass") == text
    assert harmful(visible(text)) == []
