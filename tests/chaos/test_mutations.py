"""Session files that something else has written to: what is wrong is found, and what is intact is saved.

Each case is one mutation, made from the seed in its name: ``pytest -m chaos tests/chaos/test_mutations.py -k "[17]"``
runs it again.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from swarmtui.session.errors import LogError
from swarmtui.session.events import AttemptSucceeded
from swarmtui.session.reader import Reader
from swarmtui.session.recover import recover
from swarmtui.session.rows import Row, row_to_event
from swarmtui.session.state_json import state_hash
from tests.session.files import FILES, fingerprint, session_file

pytestmark = pytest.mark.chaos

PAGE = 4096
T = TypeVar("T")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    for crash in (False, True):
        asyncio.run(session_file(folder / ("crashed" if crash else "closed"), crash=crash))
    return folder


def flip(path: Path, random: Random) -> str:
    data = bytearray(path.read_bytes())
    at, bit = random.randrange(len(data)), random.randrange(8)
    data[at] ^= 1 << bit
    path.write_bytes(data)
    return f"bit {bit} of byte {at} of {path.name} flipped"


def overwrite(path: Path, random: Random) -> str:
    data = bytearray(path.read_bytes())
    at = random.randrange(len(data))
    data[at : at + 60] = random.randbytes(len(data[at : at + 60]))
    path.write_bytes(data)
    return f"60 bytes from {at} of {path.name} overwritten"


def truncate(path: Path, random: Random) -> str:
    size = random.randrange(path.stat().st_size)
    with path.open("rb+") as file:
        file.truncate(size)
    return f"{path.name} cut to {size} bytes"


def blank_page(path: Path, random: Random) -> str:
    data = bytearray(path.read_bytes())
    at = random.randrange(max(1, len(data) // PAGE)) * PAGE
    data[at : at + PAGE] = bytes(len(data[at : at + PAGE]))
    path.write_bytes(data)
    return f"page at {at} of {path.name} blanked"


def swap_pages(path: Path, random: Random) -> str:
    data = bytearray(path.read_bytes())
    one, two = (random.randrange(max(1, len(data) // PAGE)) * PAGE for _ in range(2))
    data[one : one + PAGE], data[two : two + PAGE] = data[two : two + PAGE], data[one : one + PAGE]
    path.write_bytes(data)
    return f"pages at {one} and {two} of {path.name} swapped"


def garbage(path: Path, random: Random) -> str:
    path.write_bytes(random.randbytes(random.randrange(20_000)))
    return f"{path.name} replaced by garbage"


def delete(path: Path, random: Random) -> str:
    if path.name == "session.db":
        path.write_bytes(b"")
        return "session.db emptied"
    path.unlink()
    return f"{path.name} deleted"


KINDS: list[tuple[Callable[[Path, Random], str], int]] = [
    (flip, 12),
    (overwrite, 4),
    (truncate, 3),
    (blank_page, 2),
    (swap_pages, 1),
    (garbage, 1),
    (delete, 1),
]


def mutate(folder: Path, random: Random) -> str:
    """Change one of the files, rarely the small head; what was done."""
    present = [name for name in FILES if (folder / name).exists()]
    name = random.choices(present, [1 if name == "head" else 8 for name in present])[0]
    kind = random.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS])[0]
    return kind(folder / name, random)


def everything(folder: Path) -> tuple[list[Row], str, list[bytes | None]]:
    """All that the file says: rows, the state's hash, and each blob that an event names. Raises LogError."""
    with Reader(folder / "session.db") as reader:
        reader.verify()
        rows = list(reader.rows())
        bodies = [row_to_event(row).body for row in rows]
        keys = [body.output.sha for body in bodies if isinstance(body, AttemptSucceeded) and body.output.sha]
        return rows, state_hash(reader.state()), [reader.blob(key) for key in keys]


@pytest.mark.parametrize("seed", range(320))
def test_a_mutation_is_found_or_changes_nothing_and_a_true_prefix_is_saved(
    seed: int, originals: Path, tmp_path: Path
) -> None:
    random = Random(seed)
    source = originals / random.choice(("closed", "crashed"))
    folder = shutil.copytree(source, tmp_path / "session")
    what = mutate(folder, random)
    before = fingerprint(folder)
    true_rows, true_hash, true_blobs = everything(shutil.copytree(source, tmp_path / "true"))

    target, scratch = tmp_path / "new" / "session.db", tmp_path / "scratch"
    target.parent.mkdir()
    scratch.mkdir()
    kept = refused(lambda: recover(folder / "session.db", target, "test", scratch))
    if isinstance(kept, LogError):
        assert one_line(kept), what
        assert not target.exists(), what
    else:
        with Reader(target) as reader:
            reader.verify()
            assert list(reader.rows()) == true_rows[: kept.head.seq], what
            assert state_hash(reader.state()) == state_hash(kept.state), what
        assert kept.head.seq == len(true_rows) or kept.wrong, f"{what}: a shorter prefix, and nothing said to be wrong"
    assert fingerprint(folder) == before, f"{what}: the original was touched"

    found = refused(lambda: everything(folder))
    if isinstance(found, LogError):
        assert one_line(found), what
        beyond_help = "is no session file" in str(found) and isinstance(kept, LogError)
        assert "`swarmtui recover" in str(found) or "newer version" in str(found) or beyond_help, what
    else:
        assert found == (true_rows, true_hash, true_blobs), f"{what}: changed what is read, and was not found"


def refused(work: Callable[[], T]) -> T | LogError:
    """What `work` gives, or the error of this package that it raises; any other is a failure."""
    try:
        return work()
    except LogError as error:
        return error


def one_line(error: LogError) -> bool:
    return "\n" not in str(error) and len(str(error)) > 20
