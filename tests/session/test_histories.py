"""Session files of every schema that was ever released: each opens, is whole, and folds to the state it had then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from swarmtui.session import fold
from swarmtui.session.codec import event_from_json
from swarmtui.session.events import Noted, Unknown
from swarmtui.session.log import Log
from swarmtui.session.migrate import bring_up
from swarmtui.session.reader import Reader
from swarmtui.session.rows import SCHEMA, row_to_event, row_to_line
from swarmtui.session.state_json import state_hash, state_to_json

HISTORIES = Path(__file__).parent.parent / "fixtures" / "histories"
SCHEMAS = range(1, SCHEMA + 1)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_19_a_file_of_each_schema_folds_to_the_state_it_had(schema: int, tmp_path: Path) -> None:
    about = json.loads((HISTORIES / f"schema-{schema}.json").read_text())
    path = tmp_path / "session.db"
    shutil.copyfile(HISTORIES / f"schema-{schema}.db", path)
    bring_up(path, "test")
    with Reader(path) as reader:
        head = reader.verify()
        assert (head.seq, head.hash.hex()) == (about["events"], about["head"])
        assert state_hash(reader.state()) == about["state_hash"]
        assert state_hash(reader.state(use_snapshots=False)) == about["state_hash"]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_events_of_each_schema_are_those_of_its_lines(schema: int, tmp_path: Path) -> None:
    lines = (HISTORIES / f"schema-{schema}.jsonl").read_text().splitlines()
    about = json.loads((HISTORIES / f"schema-{schema}.json").read_text())
    events = [event_from_json(json.loads(line)) for line in lines]
    assert state_hash(fold.fold(events)) == about["state_hash"]
    shutil.copyfile(HISTORIES / f"schema-{schema}.db", tmp_path / "session.db")
    with Reader(tmp_path / "session.db") as reader:
        assert [row_to_event(row) for row in reader.rows()] == events


def newer(tmp_path: Path) -> Path:
    path = tmp_path / "session.db"
    shutil.copyfile(HISTORIES / "newer.db", path)
    return path


def test_19_a_file_with_events_and_fields_that_are_not_known_opens_and_folds_as_without_them(tmp_path: Path) -> None:
    shutil.copyfile(HISTORIES / "schema-1.db", tmp_path / "plain.db")
    with Reader(newer(tmp_path)) as reader, Reader(tmp_path / "plain.db") as plain:
        reader.check_pages()
        head, state = reader.resume()
        found, expected = state_to_json(state), state_to_json(plain.state())
        unknown = [body for row in reader.rows() if isinstance(body := row_to_event(row).body, Unknown)]
        assert {body.type for body in unknown} == {"node_dreamt"}
        assert len(unknown) == 8
        assert found["nodes"][0]["state"] == expected["nodes"][0]["state"]
        assert found["status"] == expected["status"]
        assert found["spent"] == expected["spent"]
        assert head.seq == plain.last_seq() + len(unknown)


async def test_19_what_is_not_known_is_kept_by_whoever_goes_on_with_the_file(tmp_path: Path) -> None:
    path = newer(tmp_path)
    with Reader(path) as reader:
        before, head, weather = list(reader.rows()), reader.verify(), reader.meta("weather")
    log = await Log.open(path, head)
    log.append(Noted("info", "gone on with"))
    await log.close()
    with Reader(path) as reader:
        assert list(reader.rows())[:-1] == before
        assert reader.verify().seq == head.seq + 1
        assert reader.meta("weather") == weather == {"fair": True}
        lines = [json.loads(row_to_line(row)) for row in reader.rows()]
        assert lines[0]["data"]["mood"]["of"] == "the future", "and is handed on to viewers"
