from pathlib import Path

import pytest

import swarmtui
from tests.safety.sinks import leaks, leaks_below

TUI = Path(swarmtui.__file__).parent / "tui"
IMPORTS = """
from swarmtui.safety.text import clean
from swarmtui.tui import content
from swarmtui.tui.content import line as one
"""

CLEAN = [
    'Static("literal")',
    "Static()",
    "Static(content.text(name))",
    "Label(one(name))",
    'Label(one(name) if name else "none")',
    "widget.border_title = content.line(name)",
    'widget.border_title = "Log"',
    "widget.border_title = None",
    "self.query_one(Static).update(content.text(name))",
    "self.query_one(Markdown).update(clean(name))",
    "Markdown(clean(name))",
    "counts.update(other)",
    "seen.update(a, b)",
    "table.add_row(one(a), content.text(b), key=key)",
    "table.add_row(*[one(cell) for cell in row])",
    'table.add_columns("a", "b")',
    "table.update_cell(row, column, one(name))",
    "content.notice(app, message)",
    'app.notify("Saved", markup=False)',
    "super().notify(content.plain(name), markup=False)",
    'TITLE = "t"\nLabel(TITLE)',
    "def f(name):\n    shown = one(name)\n    return Static(shown)",
    "def f(shown: Content): Static(shown)",
    "def f(shown: 'Content | None'): Static(shown)",
    "def shown(name) -> Content: ...\ndef f(): Static(shown(n))",
    "class W:\n    head: Content\n    def f(self): Static(self.head)",
    "def f(n):\n    a, b = one(n), 'x'\n    table.add_row(a, b)",
    "Collapsible(child, title='Details')",
]
LEAKING = {
    "Static(name)": "Static",
    'Static(f"{name}")': "Static",
    'Static("x" + name)': "Static",
    "Static(content=name)": "Static",
    "textual.widgets.Static(name)": "Static",
    "Label(str(name))": "Label",
    "Label(clean(name))": "Label",
    "Markdown(name)": "Markdown",
    "self.query_one(Markdown).update(name)": "update",
    "Label(node.title)": "Label",
    'Label("%s" % name)': "Label",
    'Label("a" if x else name)': "Label",
    'Button(name or "x")': "Button",
    "app.notify(message)": "notify",
    "app.notify(content.plain(name))": "notify",
    "app.notify(name, markup=False)": "notify",
    'self.notify("Done", title=name)': "notify",
    'app.notify("Saved", markup=True)': "markup",
    "Static(content.text(x), markup=flag)": "markup",
    "widget.border_title = name": "border_title",
    'self.border_subtitle = f"{n} items"': "border_subtitle",
    'self.border_title += "x"\nself.border_title += name': "border_title",
    "widget.tooltip = name": "tooltip",
    "self.update(name)": "update",
    'self.query_one("#head", Static).update(name)': "update",
    'label.update(f"{n} items")': "update",
    'label.update(" ".join(names))': "update",
    "table.add_row(one(a), b)": "add_row",
    "table.add_row(*row)": "add_row",
    "table.add_row(*[cell for cell in row])": "add_row",
    "table.add_column(name)": "add_column",
    "table.update_cell(row, column, name)": "update_cell",
    "Option(name, id=key)": "Option",
    "Collapsible(child, title=name)": "Collapsible",
    "Content(name)": "Content",
    "Static(Content(name))": "Content",
    "shown = Content.from_markup(name)": "from_markup",
    "Text.from_ansi(name)": "from_ansi",
    "Segment(name)": "Segment",
    "def f(name: str): Static(name)": "Static",
    "def f(shown: Content | str): Static(shown)": "Static",
    "def f(name):\n    shown = one(name)\n    shown = name\n    Static(shown)": "Static",
    "def f(names):\n    for shown in names: Static(shown)": "Static",
    "def f(n):\n    shown = one(n)\n    shown += n\n    Static(shown)": "Static",
    "def f():\n    with x as shown: Static(shown)": "Static",
    "def text(x): return x\nStatic(text(name))": "Static",
    "other.text(name)\nStatic(other.text(name))": "Static",
}


@pytest.mark.parametrize("code", CLEAN)
def test_clean_text_and_literals_pass(code: str) -> None:
    assert leaks(IMPORTS + code) == []


@pytest.mark.parametrize("code", LEAKING)
def test_text_of_unknown_origin_is_reported(code: str) -> None:
    found = leaks(IMPORTS + code)
    assert [leak.sink for leak in found] == [LEAKING[code]]


def test_a_report_names_the_line() -> None:
    assert [(leak.line, leak.code) for leak in leaks("x = 1\n\nStatic(\n    name\n)")] == [(4, "name")]


def test_the_module_that_makes_content_is_the_only_one_left_out(tmp_path: Path) -> None:
    for name in ("content.py", "screens/content.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Static(name)")
    assert list(leaks_below(tmp_path)) == ["screens/content.py"]


def test_no_text_reaches_a_widget_but_through_the_content_module() -> None:
    assert leaks_below(TUI) == {}
