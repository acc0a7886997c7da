"""Recorded texts and files of nodes are fetched from the folder and over the wire alike, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swarmtui.host import protocol as wire
from swarmtui.host.feed import NotFetched
from swarmtui.host.fetching import ShelfOfFile, ShelfOfHost
from swarmtui.plan.model import JSON
from swarmtui.session.folder import SessionFolder
from tests.host.sessions import chain, live_session, until

HELD = b"0123456789" * 60_000
"""More than three pages."""


@pytest.fixture
def folder(tmp_path: Path) -> SessionFolder:
    """A session's folder in which node a has two files, and there is a secret beside it."""
    made = SessionFolder(tmp_path / "s")
    (made.artefacts / "a" / "attempt-2").mkdir(parents=True)
    (made.artefacts / "a" / "output.txt").write_bytes(HELD)
    (made.artefacts / "a" / "attempt-2" / "log.txt").write_text("second")
    (tmp_path / "secret").write_text("secret")
    (made.artefacts / "a" / "link").symlink_to(tmp_path / "secret")
    return made


async def test_files_are_listed_by_name_without_links(folder: SessionFolder) -> None:
    found = await ShelfOfFile(folder).files("a")
    assert [(file.name, file.size) for file in found] == [("attempt-2/log.txt", 6), ("output.txt", len(HELD))]
    assert await ShelfOfFile(folder).files("nobody") == []
    assert await ShelfOfFile(folder).files("..") == []
    assert await ShelfOfFile(folder).files("../..") == []


async def test_what_stands_in_place_of_a_nodes_folder_is_not_looked_into(folder: SessionFolder) -> None:
    (folder.artefacts / "b").symlink_to(folder.artefacts / "a")
    with pytest.raises(NotFetched):
        await ShelfOfFile(folder).files("b")


async def test_a_file_is_read_from_its_start_up_to_the_limit(folder: SessionFolder) -> None:
    shelf = ShelfOfFile(folder)
    assert await shelf.file("a", "attempt-2/log.txt") == b"second"
    assert await shelf.file("a", "output.txt", 4) == b"0123"


@pytest.mark.parametrize(
    ("node", "name"),
    [("a", "link"), ("a", "../../../secret"), ("..", "secret"), ("a/attempt-2", "log.txt"), ("a", "attempt-2"),
     ("a", "missing"), ("a", "/etc/passwd"), ("a", ""), ("a", "pipe")],
)  # fmt: skip
async def test_nothing_but_a_nodes_own_files_is_read(folder: SessionFolder, node: str, name: str) -> None:
    os.mkfifo(folder.artefacts / "a" / "pipe")
    with pytest.raises(NotFetched):
        await ShelfOfFile(folder).file(node, name)


async def test_over_the_wire_they_come_in_pages(folder: SessionFolder) -> None:
    import base64

    asked: list[tuple[str, JSON]] = []

    async def ask(method: str, params: dict[str, JSON]) -> JSON:
        asked.append((method, params))
        page = HELD[params["offset"] : params["offset"] + params["len"]]
        return {"data": base64.b64encode(page).decode()}

    assert await ShelfOfHost(ask).file("a", "output.txt") == HELD
    assert [params["offset"] for _, params in asked] == [0, wire.PAGE, 2 * wire.PAGE, 3 * wire.PAGE]


async def test_a_host_and_the_file_after_it_give_the_same(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a"), at_once=True) as session:
        live = await session.attach()
        await until(live, lambda feed: feed.state.nodes.get("a") is not None and feed.state.nodes["a"].ended)
        node = session.folder.artefacts / "a"
        node.mkdir(parents=True, exist_ok=True)
        (node / "notes.md").write_text("mine")
        assert "notes.md" in [file.name for file in await live.shelf.files("a")]
        assert await live.shelf.file("a", "notes.md") == b"mine"
        assert await live.shelf.blob("0" * 32) is None
        with pytest.raises(NotFetched):
            await live.shelf.file("a", "../../session.db")
        await live.close()
    assert await ShelfOfFile(session.folder).file("a", "notes.md") == b"mine"
    assert await ShelfOfFile(session.folder).blob("0" * 32) is None
