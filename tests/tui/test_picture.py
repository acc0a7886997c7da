"""Pictures of the screen: where they go, and that nothing in them is alive."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from swarmtui.tui import picture
from tests.tui.opening import notices, opened, press
from tests.tui.scripted_feed import hostile, mid_run


async def test_f12_writes_the_screen_into_the_current_folder_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(mid_run(), (80, 24)) as pilot:
        await press(pilot, "f12")
        (path,) = tmp_path.glob("swarmtui-run-*.svg")
        assert any(str(path) in notice for notice in notices(pilot))
    root = ElementTree.parse(path).getroot()
    assert "quality" in "".join(root.itertext())
    assert path.stat().st_mode & 0o777 == 0o600


async def test_what_is_hostile_on_the_screen_is_text_in_the_picture(tmp_path: Path) -> None:
    async with opened(hostile(), (140, 45)) as pilot:
        path = await picture.take_picture(pilot.app, "run", tmp_path)
    svg = path.read_text()
    names = {one.tag.rpartition("}")[2] for one in ElementTree.fromstring(svg).iter()}
    assert names <= {"svg", "style", "defs", "clipPath", "rect", "g", "text", "circle"}
    assert not any(char in svg for char in "\x1b\x9b\x07\u202e\u200b\u2066")


async def test_the_spaces_that_a_piece_of_text_begins_with_stay(tmp_path: Path) -> None:
    async with opened(mid_run(), (80, 24)) as pilot:
        root = ElementTree.fromstring(picture.svg_of(pilot.app, "a title"))
    assert root.get("{http://www.w3.org/XML/1998/namespace}space") == "preserve"
    assert "a\xa0title" in "".join(root.itertext())


async def test_where_nothing_can_be_written_it_goes_to_the_directory_for_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    async with opened(mid_run(), (80, 24)) as pilot:
        path = await picture.take_picture(pilot.app, "run", tmp_path / "not there")
    assert (tmp_path / "home") in path.parents


def test_a_picture_never_takes_the_place_of_a_file_that_is_there(tmp_path: Path) -> None:
    first = picture.write_new(tmp_path, "a", "<svg/>")
    (tmp_path / "a-2.svg").symlink_to(tmp_path / "elsewhere")
    second = picture.write_new(tmp_path, "a", "<svg>2</svg>")
    assert (first.name, second.name) == ("a.svg", "a-3.svg")
    assert first.read_text() == "<svg/>"
    assert not (tmp_path / "elsewhere").exists()
