"""The list that is kept says what the list that is read anew says, and opens only what was written to."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from swarmtui.host import listing
from swarmtui.host.listing import Listing
from swarmtui.host.locate import list_sessions, session_row
from swarmtui.host.lock import locked
from swarmtui.plan.model import JSON
from swarmtui.safety.paths import Places
from swarmtui.session.folder import SessionFolder
from swarmtui.session.reader import Reader
from swarmtui.session.summary import summary
from tests.session.files import session_file


@pytest.fixture
async def home(tmp_path: Path) -> Places:
    where = Places(*(tmp_path / name for name in ("config", "state", "run", "cache")))
    for name, status in (("a", "succeeded"), ("b", "running"), ("c", "failed")):
        folder = where.state / "sessions" / name
        await session_file(folder, 3, crash=False)
        keep(folder, status=status, started=float(ord(name)))
    return where


def keep(folder: Path, **figures: JSON) -> None:
    """Write the summary that a host would have kept."""
    with Reader(folder / "session.db") as reader:
        told = {**summary(reader.state()), **figures}
    with sqlite3.connect(folder / "session.db") as db:
        db.execute("INSERT OR REPLACE INTO meta VALUES('summary', ?)", (json.dumps(told),))
    db.close()


def reading(where: Places, monkeypatch: pytest.MonkeyPatch) -> tuple[Listing, list[str]]:
    """A list long after all was written, and the sessions that it opens."""
    opened: list[str] = []

    def row(folder: SessionFolder, *, fold: bool) -> dict[str, JSON]:
        opened.append(folder.id)
        return session_row(folder, fold=fold)

    monkeypatch.setattr(listing, "session_row", row)
    return Listing(where, clock=lambda: time.time() + 60), opened


def test_a_list_that_is_read_again_opens_only_what_was_written_to(
    home: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, opened = reading(home, monkeypatch)
    first = known.read()
    assert first == list_sessions(home)
    assert sorted(opened) == ["a", "b", "c"]
    opened.clear()
    assert all(one is other for one, other in zip(known.read(), first, strict=True))
    assert opened == []
    keep(home.state / "sessions" / "b", status="failed", cost_usd=1.5)
    assert known.read() == list_sessions(home)
    assert opened == ["b"]


def test_what_is_new_and_what_is_gone_and_a_host_that_comes_and_goes_are_seen(
    home: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, _ = reading(home, monkeypatch)
    known.read()
    shutil.copytree(home.state / "sessions" / "a", home.state / "sessions" / "d")
    shutil.rmtree(home.state / "sessions" / "c")
    assert {row["id"] for row in known.read()} == {"a", "b", "d"}
    assert known.read() == list_sessions(home)
    with locked(SessionFolder(home.state / "sessions" / "b")):
        (row,) = [row for row in known.read() if row["id"] == "b"]
        assert (row["status"], row["hosted"]) == ("running", True)
    assert [row["status"] for row in known.read() if row["id"] == "b"] == ["crashed"]


def test_what_was_written_a_moment_ago_is_looked_at_again(home: Places) -> None:
    known, file = Listing(home), home.state / "sessions" / "a" / "session.db"
    rows, before = known.read(), file.stat()
    assert all(one is other for one, other in zip(known.read(), rows, strict=True)), "nothing has changed"
    keep(file.parent, status="succeeded", title="another")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # within the same tick of the file system's clock
    assert file.stat().st_size == before.st_size
    assert known.read() == list_sessions(home) != rows


def test_a_host_that_stays_after_the_end_and_leaves_is_seen_to(home: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    known, _ = reading(home, monkeypatch)
    with locked(SessionFolder(home.state / "sessions" / "a")):
        assert [row["hosted"] for row in known.read() if row["id"] == "a"] == [True]
    assert [row["hosted"] for row in known.read() if row["id"] == "a"] == [False]


def test_in_a_hurry_the_newest_come_first_and_the_others_next_time(home: Places) -> None:
    known = Listing(home, clock=lambda: time.time() + 60)
    known.read(0.0)
    assert known.behind
    seen = [len(known.read(0.002)) for _ in range(50)]
    assert seen == sorted(seen)
    assert known.read() == list_sessions(home)
    assert not known.behind


def test_figures_that_are_up_to_date_are_not_made_again(home: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SessionFolder(home.state / "sessions" / "b")
    monkeypatch.setattr("swarmtui.host.history.History.state", lambda self: pytest.fail("folded"))
    assert session_row(folder)["status"] == "crashed"
