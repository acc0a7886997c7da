"""Bringing files of older schemas up to date, with steps of the tests' own."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from swarmtui.session.errors import LogError, NewerVersion
from swarmtui.session.faults import Faults, FaultThrown
from swarmtui.session.migrate import Step, bring_up, brought_up_view, header_of
from swarmtui.session.reader import Reader
from tests.session.files import session_file

ROOT = Path(__file__).parent.parent.parent


def add_column(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE events ADD COLUMN extra TEXT")
    db.execute("UPDATE events SET extra = 'x' || seq")


def rename(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE events RENAME COLUMN extra TO more")


def fail(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM events")
    raise sqlite3.OperationalError("no")


STEPS: dict[int, Step] = {1: add_column, 2: rename}


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    await session_file(tmp_path / "s", items=20, crash=False)
    return tmp_path / "s" / "session.db"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def schema_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return header_of(path, db).schema


def test_a_file_that_is_up_to_date_is_not_touched(path: Path) -> None:
    before = digest(path)
    assert bring_up(path, "test") is None
    assert digest(path) == before
    assert not list(path.parent.glob("*.bak-*"))


def test_all_steps_are_taken_and_a_copy_of_what_was_is_kept(path: Path) -> None:
    with Reader(path) as reader:
        rows = list(reader.rows())
    copy = bring_up(path, "9.9", steps=STEPS, target=3)
    assert copy == path.with_name("session.db.bak-v1")
    assert schema_of(path) == 3
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT more FROM events WHERE seq = 5").fetchone() == ("x5",)
        assert header_of(path, db).app == "9.9"
    with Reader(copy) as reader:
        reader.verify()
        assert list(reader.rows()) == rows
    assert copy.stat().st_mode & 0o077 == 0
    with pytest.raises(NewerVersion, match=r"swarmtui 9\.9, needs a newer version"):
        Reader(path)
    with pytest.raises(NewerVersion):
        bring_up(path, "test")


@pytest.mark.parametrize("crash", [False, True])
async def test_a_step_that_fails_leaves_the_file_byte_for_byte(tmp_path: Path, crash: bool) -> None:
    await session_file(tmp_path / "s", items=20, crash=crash)
    path = tmp_path / "s" / "session.db"
    if crash:  # a log that is not folded in yet is, by whoever opens the file: its content is what counts
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = digest(path)
    with pytest.raises(LogError, match="is as it was: no"):
        bring_up(path, "test", steps={1: add_column, 2: fail}, target=3)
    assert digest(path) == before
    with pytest.raises(FaultThrown):
        bring_up(path, "test", steps=STEPS, target=3, faults=Faults({"migrate.stepped": ("throw", 1)}))
    assert digest(path) == before
    assert schema_of(path) == 1


def test_a_schema_to_which_no_step_leads_is_refused(path: Path) -> None:
    before = digest(path)
    with pytest.raises(LogError, match="of schema 1, which this version cannot read any more"):
        bring_up(path, "test", steps={2: rename}, target=3)
    assert digest(path) == before


def test_whoever_only_reads_an_older_file_sees_it_brought_up_and_does_not_change_it(path: Path) -> None:
    before = digest(path)
    with (
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db,
        closing(brought_up_view(path, db, header_of(path, db), steps=STEPS, target=3)) as view,
    ):
        assert view.execute("SELECT more FROM events WHERE seq = 5").fetchone() == ("x5",)
        with pytest.raises(sqlite3.OperationalError):
            view.execute("DELETE FROM events")
    assert digest(path) == before


@pytest.mark.parametrize("point", ["migrate.copied", "migrate.stepped", "migrate.committed"])
def test_a_crash_at_any_point_leaves_the_old_file_or_the_new_one(path: Path, tmp_path: Path, point: str) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from swarmtui.session.faults import Faults\n"
        "from swarmtui.session.migrate import bring_up\n"
        "from tests.session.test_migrate import STEPS\n"
        f"bring_up(Path(sys.argv[1]), 'test', steps=STEPS, target=3, faults=Faults({{{point!r}: ('kill', 1)}}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert schema_of(path) == (3 if point == "migrate.committed" else 1)
    again = shutil.copytree(path.parent, tmp_path / "again") / "session.db"
    copy = bring_up(again, "test", steps=STEPS, target=3)
    assert schema_of(again) == 3
    assert (copy is None) is (point == "migrate.committed")
    with closing(sqlite3.connect(again)) as db:
        assert db.execute("SELECT count(*), count(more) FROM events").fetchone() == (45, 45)


def test_a_header_that_makes_no_sense_is_damage(path: Path) -> None:
    for value in ("[]", "0", "not json", '"1"'):
        with closing(sqlite3.connect(path)) as db:
            db.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (value,))
            db.commit()
        with pytest.raises(LogError, match="swarmtui recover"):
            bring_up(path, "test")
