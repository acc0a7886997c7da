"""Markdown as lines: the same however it comes, within its width, with every word, and at a bounded cost."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from swarmtui.safety.text import clean
from swarmtui.tui.view.calls import Call
from swarmtui.tui.view.glyphs import ASCII, UNICODE
from swarmtui.tui.view.lines import Line, Role, width
from swarmtui.tui.view.markdown import chunks, flow
from swarmtui.tui.view.markdown.code import LANGUAGES, highlighted
from swarmtui.tui.view.markdown.flow import Flow, Look, beginning, flow_of
from swarmtui.tui.view.markdown.folding import fold, rows_of

ALL = 10**9
REPORT = """# Review

Some **bold** text, `code` and
a [link](https://example.org/x "title"), which goes on.

## Findings
1. first
   - nested, *emphasised*

   - another
2. second

- [x] done
- [ ] to do

> quoted, and long enough that it has to wrap at a narrow width
> > deeper

| name | 数量 | note |
|:-----|-----:|:----:|
| alpha | 1 | short |
| beta 表格 | 22 | a longer note that has to wrap | excess |

```python
def f(x):
    return "text"
```

---

Raw <b>HTML</b> ends it. 👩‍👩‍👧 日本語のテキストは空白がない。
"""
PIECES = [
    *REPORT.split("\n\n"), "\n", "\n\n", " ", "    ", "\t", "```", "```py\n", "~~~", "- ", "* ",
    "1. ", "> ", "# ", "word",
    "|a|b|\n|-|-|\n", "| x | y |\n", "**", "`", "[", "](u)", "![", "\\", "<i>", "---\n", "===\n",
    "日本", "é", "👍🏽", '{"a": 1}',
    "[1]: http://x.y\n", "x" * 70,
]  # fmt: skip
MARKDOWN = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def texts(lines: list[Line]) -> list[str]:
    return ["".join(part for part, _ in line) for line in lines]


def drawn(text: str, size: int = 76, *, ascii_only: bool = False, source: bool = False) -> list[str]:
    look = Look(size, ASCII if ascii_only else UNICODE, source)
    return texts(flow_of(text).drawn(look, at_once=ALL))


def roles(text: str, size: int = 76) -> dict[str, Role]:
    lines = flow_of(text).drawn(Look(size), at_once=ALL)
    return {part.strip(): role for line in lines for part, role in line}


def words(text: str) -> list[str]:
    return re.findall(r"[a-zA-Zぁ-ん一-龠é]", text)


# -- laws -----------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(MARKDOWN, st.lists(st.integers(0, 400), max_size=6))
def test_lines_are_the_same_in_whatever_pieces_the_text_comes(text: str, cuts: list[int]) -> None:
    split = Flow()
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    for start, end in pairwise(edges):
        split.write(text[start:end])
        split.drawn(Look(40), at_once=ALL)
    whole = Flow()
    whole.write(text)
    assert split.drawn(Look(40), at_once=ALL) == whole.drawn(Look(40), at_once=ALL)
    assert split.last(Look(40), 10**6) == whole.last(Look(40), 10**6) == whole.drawn(Look(40), at_once=ALL)


@settings(max_examples=30)
@given(MARKDOWN | st.text(max_size=300), st.integers(8, 60), st.booleans())
def test_no_line_is_wider_than_the_width(text: str, size: int, source: bool) -> None:
    assert all(cell_len(line) <= size for line in drawn(clean(text), size, source=source))


@settings(max_examples=30)
@given(MARKDOWN, st.integers(8, 60))
def test_every_word_is_there(text: str, size: int) -> None:
    said = words("".join(drawn(text, size)))
    for letter in set(words(text)):
        assert said.count(letter) >= words(text).count(letter)


@settings(max_examples=30)
@given(MARKDOWN)
def test_what_is_drawn_a_part_at_a_time_is_what_is_drawn_at_once(text: str) -> None:
    for from_end in (False, True):
        slowly = Flow(from_end=from_end)
        slowly.write(text)
        whole = flow_of(text) if not text else Flow()
        whole.write(text)
        while True:
            lines = slowly.drawn(Look(30), at_once=1)
            if slowly.complete:
                break
        assert lines == whole.drawn(Look(30), at_once=ALL)


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(["a", "bb ", " ", "字", "語 ", "é", "👩‍👩‍👧", "-", "e\u0301"]), max_size=25),
    st.integers(2, 20),
)
def test_folding_loses_nothing_but_the_space_at_the_ends_of_rows(parts: list[str], size: int) -> None:
    text = "".join(parts)
    lines = fold([("".join(parts[:7]), "text"), ("".join(parts[7:]), "code")], size)
    assert all(width(line) <= size for line in lines)
    assert "".join(texts(lines)).replace(" ", "") == text.replace(" ", "")
    assert "".join(text[a:b] for a, b in rows_of(text, size, words=False)) == text


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("語    a", ["語", "a"]),
        ("    語", ["  ", "語"]),
        ("é語      字 ", ["é", "語", "字"]),
    ],
)
def test_more_spaces_than_a_row_has_room_for_take_no_row_beyond_the_first(text: str, rows: list[str]) -> None:
    assert texts(fold([(text, "text")], 2)) == rows


# -- blocks ---------------------------------------------------------------------------------------------------


def test_paragraphs_are_joined_and_wrapped() -> None:
    assert drawn("one two\nthree\nfour", 9) == ["one two", "three", "four"]
    assert drawn("one two\nthree\nfour", 30) == ["one two three four"]
    assert drawn("one  \ntwo\\\nthree", 30) == ["one", "two", "three"]


def test_a_word_is_broken_only_where_a_row_has_no_room_for_it() -> None:
    assert drawn("see https://example.org/a/b/c", 16) == ["see https://exam", "ple.org/a/b/c"]
    assert drawn("a wonderful day", 10) == ["a", "wonderful", "day"]


def test_lists_nest_and_hang() -> None:
    assert drawn("1. first item\n   - inner\n     text\n2. second\n\n- [x] done\n- [ ] open", 12) == [
        "1. first", "   item", "   – inner", "     text", "2. second", "", "• [x] done", "• [ ] open",
    ]  # fmt: skip


def test_what_is_done_of_a_list_of_tasks_looks_so() -> None:
    lines = flow_of("- [x] done\n- [ ] open").drawn(Look(40), at_once=ALL)
    assert [line[1] for line in lines] == [("[x] ", "ok"), ("[ ] ", "muted")]


def test_code_within_a_list_stays_in_it() -> None:
    assert drawn("1. first\n\n   ```\n   code\n   ```\n\n2. second", 14) == [
        "1. first", "", "   ───────────", "   code", "   ───────────", "", "2. second",
    ]  # fmt: skip


def test_a_table_that_was_cut_since_it_is_long_is_a_table_to_its_end() -> None:
    rows = [f"| {at} | {'x' * 40} |" for at in range(200)]
    shown = drawn("\n".join(["| n | what |", "|---|---|", *rows]), 76)
    assert sum("│" in line for line in shown) >= 201
    assert not any(line.startswith("|") for line in shown)


def test_long_code_is_not_looked_into() -> None:
    assert roles("```python\n" + "def f():\n" * 20 + "```")["def"] == "accent"
    assert "def" not in roles("```python\n" + "def f():  # " + "x" * 60 + "\n" + "pass\n" * 560 + "```")


def test_a_table_is_aligned_by_what_is_seen() -> None:
    assert drawn("| name | 数量 |\n|---|--:|\n| 表 | 1 |\n| a | 22,000 |", 40) == [
        "name │   数量", "─────┼───────", "表   │      1", "a    │ 22,000",
    ]  # fmt: skip


def test_a_table_wraps_where_there_is_little_room_and_is_told_row_by_row_where_there_is_less() -> None:
    table = "| a | b |\n|---|---|\n| one two three | four five |\n| six | seven |"
    assert drawn(table, 20) == [
        "a         │ b       ", "──────────┼─────────", "one two   │ four    ", "three     │ five    ",
        "──────────┼─────────", "six       │ seven   ",
    ]  # fmt: skip
    assert drawn(table, 12)[:3] == ["a: one two", "three", "b: four five"]


def test_cells_beyond_the_columns_are_shown() -> None:
    assert drawn("|a|b|\n|-|-|\n|1|2|3|4|", 40)[-1] == "1 │ 2 | 3 | 4"


def test_code_stands_at_the_very_left_between_rules() -> None:
    assert drawn("```py\nif x:\n    y()\n```", 14) == ["─ py ─────────", "if x:", "    y()", "──────────────"]
    assert drawn("```\nabcdefgh ijkl", 8) == ["────────", "abcdefgh", " ijkl"]


def test_code_is_told_apart_once_its_fence_is_closed() -> None:
    found = roles('```python\ndef f():\n    # why\n    return "x"\n```')
    assert found["def"] == found["return"] == "accent"
    assert (found["f"], found["# why"], found['"x"']) == ("strong", "faint", "ok")
    assert roles("```python\ndef f():")["def f():"] == "text"
    assert roles("```unheard\ndef f():\n```")["def f():"] == "text"


def test_a_fence_that_is_indented_like_code_ends_none() -> None:
    assert drawn("```\n    ```\nstill code\n```\nafter")[1:3] == ["    ```", "still code"]


def test_what_lies_too_deep_is_shown_as_it_is_written() -> None:
    assert drawn("> " * 40 + "deep")[0].startswith("> > >")


def test_a_paragraph_that_was_cut_since_it_is_long_goes_on_without_a_gap() -> None:
    assert "" not in drawn(f"{'word ' * 40}\n" * 40)


def test_addresses_are_text_and_html_is_too() -> None:
    assert drawn("[here](https://a.b/c 'why') ![alt](p.png) <https://d.e> <b>x</b> [j](javascript:x)") == [
        "here (https://a.b/c why) [image: alt] (p.png) https://d.e <b>x</b> j",
        "(javascript:x)",
    ]


def test_definitions_of_references_have_a_row_each() -> None:
    assert drawn("[1]: http://a.b\n[2]: http://c.d") == ["[1]: http://a.b", "[2]: http://c.d"]


def test_emphasis_has_roles() -> None:
    found = roles("a **b** *c* `d` ~~e~~ [f](g)\n\n# H\n\n### I")
    assert {part: found[part] for part in "bcdefHI"} == {
        "b": "strong", "c": "em", "d": "code", "e": "faint", "f": "accent", "H": "strong", "I": "accent",
    }  # fmt: skip


def test_data_is_shown_as_it_is_written() -> None:
    assert drawn('{\n  "a_b": 1,\n  "c": "*x*"\n}') == ["{", '  "a_b": 1,', '  "c": "*x*"', "}"]
    assert roles('[{"a": 1}]')["1"] == "warn"
    assert drawn("[a](b)") == ["a (b)"]


def test_ascii_has_no_other_signs() -> None:
    text = REPORT.replace("数量", "n").replace("表格", "").partition("👩")[0]
    assert all(line.isascii() for line in drawn(text, ascii_only=True) if "–" not in line)


def test_the_source_is_every_line_as_it_was_written() -> None:
    assert drawn(REPORT, 200, source=True) == REPORT.rstrip("\n").split("\n")


# -- hostile text -----------------------------------------------------------------------------------------------


def test_a_character_written_as_its_number_is_cleaned_too() -> None:
    assert drawn("a&#x202e;b&#27;c&#10;d &lt;") == ["ab\ufffdc d <"]


@pytest.mark.parametrize(
    "text",
    [
        ">" * 3_000 + "x", "- " * 2_000 + "x", "1. " * 2_000, "![" * 290 + "a" + "](b)" * 290,
        "[" * 5_000, "*a_" * 2_000,
        "`" * 5_000, "x" * 20_000, "字" * 5_000, "|" * 3_000 + "\n" + "|-" * 1_500,
        "```\n" + "a\n" * 5_000, "\n> " * 1_000,
        " ".join("`" * at for at in range(90)), "<!--" * 1_000, "&#" * 2_000, "a\n" * 3_000, "- a\n\n\n" * 1_000,
    ],
    ids=range(17),
)  # fmt: skip
def test_no_step_looks_at_more_than_a_few_thousand_characters(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    plain = flow.chunk_lines  # type: ignore[attr-defined]

    def counted(chunk: chunks.Chunk, *rest: object) -> list[Line]:
        seen.append(len(chunk.text) + len(chunk.lead))
        return plain(chunk, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(flow, "chunk_lines", counted)
    found = Flow()
    for at in range(0, min(len(text), 9_000), 1_500):
        found.write(text[at : at + 1_500])
        found.last(Look(60), 20)
    assert max(seen) <= 3 * chunks.LIMIT
    began = time.process_time()
    found.drawn(Look(60))
    assert time.process_time() - began < 2


def test_no_language_takes_long_over_code_that_is_meant_to_hurt() -> None:
    began = time.process_time()
    for language in ("python", "js", "yaml"):
        highlighted('\\"' * 150 + "\n" + "({[" * 100, language)
    assert time.process_time() - began < 2
    assert "make" not in LANGUAGES


@given(st.sampled_from(sorted(LANGUAGES)), st.text("a \"'#/*-:<>{}=\t\n", max_size=30), st.integers(0, 3))
def test_of_code_in_any_language_every_line_is_there_as_it_was_written(language: str, code: str, empty: int) -> None:
    code += "\n" * empty
    rows = ["".join(part for part, _ in spans) for spans in highlighted(code, language)]
    assert rows == code.expandtabs(4).split("\n")


# -- what is kept -----------------------------------------------------------------------------------------------


def test_what_is_kept_is_bounded_and_lines_keep_their_numbers() -> None:
    kept = Flow()
    kept.write("first\n\n")
    assert texts(kept.drawn(Look(40))) == ["first"]
    for number in range(2_000):
        kept.write(f"paragraph {number} of {'x' * 250}\n\n")
        if number % 100 == 0:
            kept.drawn(Look(400), at_once=ALL)
    lines = kept.drawn(Look(400), at_once=ALL)
    assert kept.above > 0
    assert sum(len(line) for line in texts(lines)) < 1.1 * flow.CHARS
    at = next(at for at, line in enumerate(texts(lines)) if line.startswith("paragraph 1900 "))
    assert kept.above + at == 2 * 1_901


def test_what_was_there_before_is_drawn_from_its_end() -> None:
    late = Flow(from_end=True)
    late.write("".join(f"paragraph {number}\n\n" for number in range(2_000)))
    late.end()
    lines = late.drawn(Look(40), at_once=2_000)
    assert texts(lines)[-1] == "paragraph 1999"
    before = late.above
    assert not late.complete
    last = len(lines)
    late.drawn(Look(40), at_once=2_000)
    assert late.above - before == last - len(lines)


def test_another_width_is_drawn_anew() -> None:
    report = flow_of(REPORT)
    report.drawn(Look(30), at_once=ALL)
    assert texts(report.drawn(Look(76), at_once=ALL)) == drawn(REPORT, 76)


def test_a_call_grows_older_until_it_comes_back() -> None:
    said = Flow()
    call = Call("1", "read_file", "a.py", 10.0)
    said.write("I look.\n")
    said.add_call(call)
    said.write("And then")
    first = texts(said.drawn(Look(60), 12.0))
    assert "2" in first[2]
    assert first[0] == "I look."
    assert first[-1] == "And then"
    later = texts(said.drawn(Look(60), 19.0))
    assert later[2] != first[2]
    call.answer(20.0, ok=True)
    assert "✓" in texts(said.drawn(Look(60), 99.0))[2]


def test_a_call_that_was_let_go_of_changes_no_other_line() -> None:
    said = Flow()
    call = Call("1", "read_file", "a.py", 10.0)
    said.add_call(call)
    said.drawn(Look(60), 12.0)
    for number in range(450):
        said.write(f"paragraph {number} {'x' * 1_000}\n\n")
    lines = texts(said.drawn(Look(60), 13.0, at_once=ALL))
    call.answer(20.0, ok=True)
    assert texts(said.drawn(Look(60), 21.0, at_once=ALL)) == lines
    assert not any("read_file" in line for line in lines)


def test_the_beginning_of_a_long_text_is_found_without_the_rest() -> None:
    assert len(beginning("a\n\n" * 5_000, Look(40), 50)) < 2_000


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(["output", "faint", "warn"]), MARKDOWN), max_size=6))
@example(
    [("output", '{"a": 1}Raw <b>HTML</b> ends it. 👩\u200d👩\u200d👧 日本語のテキストは空白がない。\n'), ("faint", "")]
)
def test_asides_are_between_blocks(said: list[tuple[str, str]]) -> None:
    found = Flow()
    for channel, text in said:
        if channel == "output":
            found.write(text)
        else:
            found.add_aside(text, "warn" if channel == "warn" else "faint")
    assert all(width(line) <= 40 for line in found.drawn(Look(40), at_once=ALL))
    assert found.last(Look(40), 10**6) == found.drawn(Look(40), at_once=ALL)
