"""The documentation is true: each command has a guide, links lead somewhere, keys are keys, guides can be followed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from swarmtui.cli.main import COMMANDS
from swarmtui.tui.actions.docs import plain
from swarmtui.tui.actions.table import Keys
from tests import guided

PAGES = sorted([*guided.ROOT.glob("*.md"), *guided.DOCS.rglob("*.md")])
WITH_GUIDES = sorted(guided.GUIDES.glob("*.md"))
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_KEY = re.compile(r"<kbd>([^<]+)</kbd>")
_NAMES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def name(path: Path) -> str:
    return str(path.relative_to(guided.ROOT))


def anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", _FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_each_command_has_a_guide_that_says_so_in_its_second_line() -> None:
    told: set[str] = set()
    for path in WITH_GUIDES:
        told |= set(re.findall(r"`swarmtui ([a-z-]+)`", path.read_text().splitlines()[2]))
    assert set(COMMANDS) - told == set()
    assert told - set(COMMANDS) == set()


def test_the_index_leads_to_every_guide_and_every_page() -> None:
    index = (guided.DOCS / "README.md").read_text()
    there = {str(path.relative_to(guided.DOCS)) for path in [*WITH_GUIDES, *guided.DOCS.glob("*.md")]} - {"README.md"}
    assert there - set(_LINK.findall(index)) == set()


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_lead_to_what_is_there(path: Path) -> None:
    text = path.read_text()
    for link in _LINK.findall(_FENCED.sub("", text)):
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_keys_that_pages_name_are_keys(path: Path) -> None:
    known = {key.lower() if len(key) > 1 else key for _, keys, _ in plain(Keys()) for key in keys}
    for written in _KEY.findall(path.read_text()):
        key = _NAMES.get(written, written)
        assert (key.lower() if len(key) > 1 else key) in known, key


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_pages_name_no_folder_of_the_machine_they_were_made_on(path: Path) -> None:
    assert re.findall(r"(?<![\w.~])/(?:work|root|tmp)/\S+", path.read_text()) == []


def test_pictures_say_that_they_are_of_the_simulated_model_and_are_small() -> None:
    pictures = [*(guided.DOCS / "pictures").glob("*.svg")]
    assert pictures
    for path in pictures:
        text = path.read_text()
        assert len(text.encode()) < 300_000, path.name
        assert "simulated&#160;model" in text, path.name
        assert not re.search(r"/(?:tmp|root|home)/\w", text), path.name


def test_the_recording_is_whole_and_names_nobody() -> None:
    text = (guided.DOCS / "pictures" / "tour.cast").read_text()
    header, *events = map(json.loads, text.splitlines())
    assert (header["version"], header["width"], header["height"]) == (2, 110, 32)
    assert "simulated" in header["title"]
    assert [at for at, *_ in events] == sorted(at for at, *_ in events)
    assert {kind for _, kind, _ in events} == {"o", "m"}
    assert [what for _, kind, what in events if kind == "m"][-1] == "leave: both go on"
    assert not re.search(r"/(?:tmp|root|home)/\w|root@", text)


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", WITH_GUIDES, ids=lambda path: path.stem)
def test_a_guide_can_be_followed_and_prints_what_it_shows(path: Path, tmp_path: Path) -> None:
    for command, expected, code, output in guided.follow(path.read_text(), tmp_path):
        assert code == expected, f"{command.line}\n{output}"
        assert guided.unsaid(command, output) == [], f"{command.line}\n{output}"
