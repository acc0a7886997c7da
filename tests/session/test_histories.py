"""Session files of every schema that was ever released: each opens, is whole, and folds to the state it had then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from swarmtui.session import fold
from swarmtui.session.codec import event_from_json
from swarmtui.session.migrate import bring_up
from swarmtui.session.reader import Reader
from swarmtui.session.rows import SCHEMA, row_to_event
from swarmtui.session.state_json import state_hash

HISTORIES = Path(__file__).parent.parent / "fixtures" / "histories"
SCHEMAS = range(1, SCHEMA + 1)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_file_of_each_schema_folds_to_the_state_it_had(schema: int, tmp_path: Path) -> None:
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
