"""Themes are read once; whatever is kept of them is passed over as soon as it is not what the files say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual import theme as textual_theme

from swarmtui.safety.paths import data_dir, places
from swarmtui.tui import theme_cache, themes
from swarmtui.tui.theme_cache import Loaded
from swarmtui.tui.themes import load_themes, own_folder

MINE = "name: mine\nextends: swarm-dark\ncolors: {primary: '#123456'}\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directories of the user's that are the test's."""
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path))
    own_folder().mkdir(parents=True)
    return tmp_path


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From when it is called on, nobody reads a theme file."""

    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} was read")

    return lambda: monkeypatch.setattr(themes, "read_theme_file", refuse)


def mine(loaded: Loaded) -> str | None:
    """The first colour of the user's own theme."""
    return next((one.primary for one in loaded.themes if one.name == "mine"), None)


def test_what_has_been_read_is_not_read_again_and_is_the_same(unread: Callable[[], None]) -> None:
    (own_folder() / "mine.yaml").write_text(MINE)
    (own_folder() / "wrong.yaml").write_text("name: wrong\ncolours: {}\n")
    first = load_themes()
    assert first == themes.read_themes([data_dir("themes"), own_folder()])
    assert mine(first) == "#123456"
    assert any("wrong.yaml" in problem for problem in first.problems)
    unread()
    again = load_themes()
    assert again == first
    assert [again.kind(name) for name in ("mine", "swarm-dark", "nord")] == ["yours", "ours", "textual"]


def test_a_file_that_is_new_or_another_or_gone_is_seen() -> None:
    assert mine(load_themes()) is None
    path = own_folder() / "mine.yaml"
    path.write_text(MINE)
    assert mine(load_themes()) == "#123456"
    before = path.stat()
    path.write_text(MINE.replace("123456", "654321"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as long as before, and no younger
    assert mine(load_themes()) == "#654321"
    path.rename(own_folder() / "other.yaml")
    assert load_themes().sources["mine"] == own_folder() / "other.yaml"
    (own_folder() / "other.yaml").unlink()
    assert mine(load_themes()) is None


def test_a_file_is_known_by_when_it_was_changed_when_it_was_touched_and_its_bytes() -> None:
    path = own_folder() / "mine.yaml"
    path.write_text(MINE)
    os.utime(path, ns=(1, 2))
    assert theme_cache.stamp_of([own_folder()])[1:] == ((str(path), 2, path.stat().st_ctime_ns, len(MINE)),)


def test_a_folder_that_comes_or_can_be_read_again_is_seen_though_nothing_is_in_it() -> None:
    (own_folder()).rmdir()
    before = theme_cache.stamp_of([own_folder()])
    own_folder().mkdir()
    assert theme_cache.stamp_of([own_folder()]) != before


def test_a_link_that_leads_to_itself_hides_no_other_file() -> None:
    path = own_folder() / "mine.yaml"
    path.write_text(MINE)
    (own_folder() / "a.yaml").symlink_to(own_folder() / "a.yaml")
    assert mine(load_themes()) == "#123456"
    path.write_text(MINE.replace("123456", "654321"))
    assert mine(load_themes()) == "#654321"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.data())
def test_what_is_not_as_it_was_written_is_passed_over(data: st.DataObject) -> None:
    sound = load_themes()
    path = places().cache / theme_cache.FILE
    written = path.read_bytes()
    at = data.draw(st.integers(0, len(written) - 1))
    damaged = data.draw(
        st.sampled_from([written[:at], written[:at] + b"\xff" + written[at + 1 :], written[:at] + written[at + 1 :]])
    )
    path.write_bytes(damaged)
    assert load_themes() == sound
    assert path.read_bytes() == written, "it is written anew"


@pytest.mark.parametrize("other", ["no table", "no theme"])
def test_what_is_as_it_was_written_and_says_nothing_of_themes_is_passed_over(other: str) -> None:
    sound = load_themes()
    path = places().cache / theme_cache.FILE
    said = json.loads(path.read_bytes().partition(b"\n")[2])
    text = json.dumps([] if other == "no table" else {**said, "themes": [{"tune": "none"}]}).encode()
    path.write_bytes(theme_cache._digest(text) + b"\n" + text)
    assert load_themes() == sound


def test_a_folder_whose_name_is_no_text_is_kept_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unread: Callable[[], None]
) -> None:
    monkeypatch.setenv("SWARMTUI_HOME", os.fsdecode(bytes(tmp_path) + b"/\xff"))
    own_folder().mkdir(parents=True)
    (own_folder() / "mine.yaml").write_text(MINE)
    first = load_themes()
    unread()
    assert load_themes() == first
    assert mine(first) == "#123456"


@pytest.mark.parametrize("what", [theme_cache, textual_theme], ids=["swarmtui", "textual"])
def test_what_another_version_has_kept_is_passed_over(
    what: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_themes()
    stamp = theme_cache.stamp_of((data_dir("themes"), own_folder()))
    assert theme_cache.kept(stamp) is not None
    monkeypatch.setattr(what, "__file__", str(tmp_path / "of_another.py"))
    assert theme_cache.kept(stamp) is None


def test_where_nothing_can_be_kept_the_files_are_read(home: Path) -> None:
    (home / "cache").write_text("not a directory")
    assert {one.name for one in load_themes().themes} >= {"swarm-dark", "monochrome"}
    assert (home / "cache").read_text() == "not a directory"
