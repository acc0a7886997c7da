"""A session as JSON lines and back: the same session, or every line that is not what was exported."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from swarmtui.plan.model import Node, Plan, PromptSpec
from swarmtui.session.build import FileBuilder
from swarmtui.session.events import AttemptStarted, AttemptSucceeded, PlanApproved, PlanProposed, SessionCreated
from swarmtui.session.exports.jsonl import PIECE_BYTES, export_lines
from swarmtui.session.folder import SessionFolder
from swarmtui.session.imports import imported_from
from swarmtui.session.imports.kinds import Kind, recognise
from swarmtui.session.imports.lines import BadInput
from swarmtui.session.imports.own import ImportedSession, import_own
from swarmtui.session.reader import Reader
from swarmtui.session.rows import row_to_line
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import Output
from tests.session.files import session_file

BIG = bytes(range(256)) * (PIECE_BYTES // 128)


def small(folder: SessionFolder, text: str = "said\u2028 \x1b[31m\ud83d\ude00") -> None:
    """A session of five events, with an output in a file and one in a blob that takes several lines."""
    folder.artefacts.joinpath("a").mkdir(parents=True)
    folder.artefacts.joinpath("a", "output.txt").write_bytes(b"whole \xff output")
    folder.artefacts.joinpath("a", "unnamed.txt").write_text("no event names it")
    plan = Plan("g", (Node("a", PromptSpec("x")), Node("b", PromptSpec("y"), ("a",))))
    with FileBuilder(folder.db, "test") as builder:
        builder.event(SessionCreated("small", "g", text, "/", "test"), 1e9, 0)
        builder.event(PlanProposed(1, plan), 1e9 + 1 / 3, 1 / 3)
        builder.event(PlanApproved(1, "h"), 1e9 + 1, 1, "ann@box")
        builder.event(AttemptStarted("a", 1), 1e9 + 1, 1)
        output = Output("whole", 14, path="artefacts/a/output.txt")
        builder.event(AttemptSucceeded("a", 1, output, took_s=1e-7), 1e9 + 2, 2)
        builder.event(AttemptStarted("b", 1), 1e9 + 2, 2)
        builder.event(AttemptSucceeded("b", 1, Output("", len(BIG), builder.blob(BIG))), 1e9 + 3, 3)
        builder.done()


def exported(folder: SessionFolder) -> list[str]:
    with Reader(folder.db) as reader:
        return list(export_lines(reader, folder.path, folder.id))


def imported(tmp_path: Path, lines: list[str], **how: Any) -> tuple[ImportedSession, SessionFolder]:
    file, folder = tmp_path / "in.jsonl", SessionFolder(tmp_path / "new")
    file.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    folder.path.mkdir()
    return import_own(file, folder, "test", **how), folder


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    folder = SessionFolder(tmp_path / "small")
    folder.path.mkdir()
    small(folder)
    return exported(folder)


async def test_import_gives_the_same_events_state_hash_and_blobs_and_exports_to_the_same_lines(tmp_path: Path) -> None:
    await session_file(tmp_path / "original", crash=False)
    old = SessionFolder(tmp_path / "original")
    lines = exported(old)
    made, new = imported(tmp_path, lines)
    with Reader(old.db) as a, Reader(new.db) as b:
        assert list(a.rows()) == list(b.rows())
        assert b.verify() == made.head
        assert state_hash(a.state()) == state_hash(b.state()) == state_hash(b.state(use_snapshots=False))
        blobs = "SELECT sha, data FROM blobs ORDER BY sha"
        assert a.query(blobs) == b.query(blobs)
    assert made.blobs == 7
    assert exported(new)[1:] == lines[1:]
    assert imported_from(new.db) == {
        "from": "in.jsonl",
        "format": "swarmtui",
        "id": "original",
        "malformed": 0,
        "origin": None,
    }
    assert imported_from(old.db) is None


def test_files_that_events_name_and_blobs_of_any_size_come_along_byte_for_byte(
    tmp_path: Path, lines: list[str]
) -> None:
    made, new = imported(tmp_path, lines)
    assert (made.files, made.blobs) == (1, 1)
    assert (new.artefacts / "a" / "output.txt").read_bytes() == b"whole \xff output"
    assert (new.artefacts / "a" / "output.txt").stat().st_mode & 0o777 == 0o600
    assert not (new.artefacts / "a" / "unnamed.txt").exists()
    with Reader(new.db) as reader:
        (row,) = reader.rows(7, 7)
        assert reader.blob(json.loads(row.data)["output"]["sha"]) == BIG
    assert sum('"blob"' in line for line in lines) > 1
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_lines_of_events_alone_are_read_too_and_it_is_said_what_cannot_be_known(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path / "small")
    folder.path.mkdir()
    small(folder)
    with Reader(folder.db) as reader:
        rows = list(reader.rows())
    made, new = imported(tmp_path, [row_to_line(row) for row in rows])
    assert recognise(tmp_path / "in.jsonl").kind is Kind.OWN
    with Reader(new.db) as reader:
        assert list(reader.rows()) == rows
    assert "no hashes" in made.remarks[0]


def test_lines_that_were_written_anew_with_other_blanks_are_still_the_same(tmp_path: Path, lines: list[str]) -> None:
    spaced = [json.dumps(json.loads(line)) + "\r" for line in lines]
    spaced[0] = "\ufeff" + spaced[0]
    made, _ = imported(tmp_path, spaced)
    assert made.head.hash.hex() == json.loads(lines[0])["head_hash"]


def edited(number: int, change: Callable[[dict[str, Any]], Any]) -> Callable[[list[str]], None]:
    def edit(lines: list[str]) -> None:
        value = json.loads(lines[number - 1])
        change(value)
        lines[number - 1] = json.dumps(value, separators=(",", ":"))

    return edit


def put(number: int, line: str) -> Callable[[list[str]], None]:
    return lambda lines: lines.__setitem__(number - 1, line)


@pytest.mark.parametrize(
    ("damage", "line", "told"),
    [
        (edited(4, lambda v: v.update(actor="bob@box")), 4, "was changed since it was exported"),
        (edited(6, lambda v: v["data"].update(took_s=9)), 6, "was changed since it was exported"),
        (edited(5, lambda v: v.update(seq=9)), 5, "event 4 comes next"),
        (edited(5, lambda v: v.update(seq="4")), 5, "seq is no number"),
        (edited(5, lambda v: v.update(mono=0.5)), 5, "earlier on the session's clock"),
        (edited(5, lambda v: v.update(ts=None)), 5, "has no times"),
        (edited(5, lambda v: v.update(node="\ud800")), 5, "half a character"),
        (edited(5, lambda v: v.update(data=[])), 5, "has no data"),
        (lambda lines: lines.pop(3), 4, "event 3 comes next"),
        (put(4, "{"), 4, "no JSON"),
        (put(4, "[" * 100_000), 4, "nested"),
        (put(4, '{"seq": NaN}'), 4, "NaN"),
        (put(4, '{"seq": ' + "9" * 5_000 + "}"), 4, "no JSON"),
        (put(4, "7"), 4, "no JSON object"),
        (edited(1, lambda v: v.update(version=99)), 1, "newer version"),
        (lambda lines: lines.insert(3, lines[0]), 4, "second beginning"),
        (lambda lines: lines.pop(), 11, "ends in the middle"),
        (lambda lines: lines.pop(9), 10, "comes before the end"),
        (edited(9, lambda v: v.update(base64="!")), 9, "base64"),
    ],
)
def test_every_wrong_line_is_told_with_its_number_and_nothing_is_made(
    tmp_path: Path, lines: list[str], damage: Callable[[list[str]], Any], line: int, told: str
) -> None:
    damage(lines)
    with pytest.raises(BadInput) as refused:
        imported(tmp_path, lines)
    found = str(refused.value).splitlines()
    assert any(one.startswith(f"{tmp_path}/in.jsonl:{line}: ") and told in one for one in found), found
    assert "nothing was imported; --partial takes what is intact" in found
    assert not (tmp_path / "new" / "session.db").exists()


def test_with_partial_what_comes_before_the_damage_is_taken(tmp_path: Path, lines: list[str]) -> None:
    edited(6, lambda value: value["data"].update(took_s=9))(lines)
    made, new = imported(tmp_path, lines, partial=True)
    assert made.head.seq == 4
    assert made.blobs == 1
    assert made.problems.total == 1
    with Reader(new.db) as reader:
        assert reader.verify().seq == 4


def test_an_event_that_fits_the_chain_and_not_the_state_costs_itself_and_what_follows(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path / "small")
    folder.path.mkdir()
    small(folder)
    with Reader(folder.db) as reader:
        rows = [row_to_line(row) for row in reader.rows()]
    rows[3] = rows[3].replace('"node":"a"', '"node":"nowhere"')
    with pytest.raises(BadInput, match=r"in\.jsonl:4: event 4 does not fit"):
        imported(tmp_path, rows)
    (tmp_path / "new").rmdir()
    made, new = imported(tmp_path, rows, partial=True)
    assert made.problems.total == 1
    with Reader(new.db) as reader:
        assert reader.verify().seq == 3
        assert state_hash(reader.state()) == state_hash(made.state)


def test_a_plan_that_goes_in_a_circle_is_refused(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path / "small")
    folder.path.mkdir()
    nodes = (Node("a", PromptSpec("x"), ("b",)), Node("b", PromptSpec("y"), ("a",)))
    with FileBuilder(folder.db, "test") as builder:
        builder.event(SessionCreated("small", "g", "t", "/", "test"), 1e9, 0)
        builder.event(PlanProposed(1, replace(Plan("g"), nodes=nodes)), 1e9, 0)
        builder.done()
    with pytest.raises(BadInput, match=r":3: event 2 does not fit .*a -> b -> a|b -> a -> b"):
        imported(tmp_path, exported(folder))


@pytest.mark.parametrize(
    "name",
    [
        "../../evil",
        "/etc/passwd",
        "artefacts/../../evil",
        "session.db",
        "artefacts",
        "lock",
        "artefacts/\x1b[31m",
        "artefacts/" + "a/" * 40 + "b",
        "artefacts/" + "x" * 300,
        "artefacts/a/output.txt",
        "artefacts/a/output.txt/below",
    ],
    ids=range(11),
)
def test_a_file_that_would_lie_elsewhere_is_told_and_written_nowhere(
    tmp_path: Path, lines: list[str], name: str
) -> None:
    data = base64.b64encode(b"evil").decode()
    lines.insert(-1, json.dumps({"file": name, "size": 4, "offset": 0, "base64": data}))
    before = {path for path in tmp_path.rglob("*") if "new" not in path.parts}
    with pytest.raises(BadInput, match=f"in.jsonl:{len(lines) - 1}: "):
        imported(tmp_path, lines)
    after = {path for path in tmp_path.rglob("*") if "new" not in path.parts}
    assert after - before <= {tmp_path / "in.jsonl"}
    assert not any(path.is_file() and path.read_bytes() == b"evil" for path in tmp_path.rglob("*"))
