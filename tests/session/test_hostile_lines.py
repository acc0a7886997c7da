"""Lines that were made to be imported by somebody else: what they name stays within the session that is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.artefacts import Artefacts
from swarmtui.host.forking import ForkSpec, fork
from swarmtui.session.folder import SessionFolder
from swarmtui.session.imports.lines import BadInput
from swarmtui.session.imports.own import import_own
from swarmtui.session.items import MOST_ITEMS
from swarmtui.session.reader import Reader

NODE = {"id": "a", "spec": {"kind": "prompt", "prompt": "p"}}
MAPPED = NODE | {"map": {"values": [1]}}


def session(tmp_path: Path, *after: dict[str, Any], node: dict[str, Any] = NODE) -> SessionFolder:
    """The session that is made of a recording of one node, with more events `after` its plan."""
    plan = {"goal": "g", "nodes": [node]}
    created = {"id": "x", "goal": "g", "title": "t", "cwd": "/", "app": "test"}
    events = [("session_created", {}, created), ("plan_proposed", {}, {"plan_rev": 1, "plan": plan})]
    lines = [{"type": kind, **columns, "data": data} for kind, columns, data in events] + list(after)
    text = "".join(json.dumps({"seq": n, "ts": 1.0, "mono": 1.0, **line}) + "\n" for n, line in enumerate(lines, 1))
    path = tmp_path / "hostile.jsonl"
    path.write_text(text)
    tmp_path.chmod(0o700)
    folder = SessionFolder(tmp_path / "imported")
    folder.path.mkdir(mode=0o700)
    import_own(path, folder, "test")
    return folder


def succeeded(path: str) -> list[dict[str, Any]]:
    at = {"node": "a", "attempt": 1}
    output = {"text": "theirs", "size": 6, "path": path}
    return [
        {"type": "attempt_started", **at, "data": {}},
        {"type": "attempt_succeeded", **at, "data": {"output": output}},
    ]


@pytest.mark.parametrize("name", ["../../victim", "/victim", ".", "a/b", "", "a\0", "host.json"])
def test_a_node_by_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=r"hostile\.jsonl:2: .*is no name of a node"):
        session(tmp_path, node=NODE | {"id": name})


@pytest.mark.parametrize("path", ["session.db", "host.json", "../victim", "/victim", "artefacts", "artefacts/../x"])
def test_no_output_is_taken_over_the_files_of_a_fork(tmp_path: Path, path: str) -> None:
    parent = session(tmp_path, *succeeded(path))
    made = fork(parent, ForkSpec(4))
    with Reader(made.folder.db) as reader:
        reader.verify()
        assert reader.state().parent is not None
    assert made.foreign
    assert fork(made.folder, ForkSpec(4)).foreign
    assert not [found for found in tmp_path.rglob("*") if found.is_file() and found.read_bytes() == b"theirs"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "link/secret"])
def test_no_recorded_path_leads_a_reader_out_of_the_session(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text("mine")
    folder = session(tmp_path, *succeeded(path))
    (folder.path / "link").symlink_to(tmp_path)
    assert Artefacts(folder.path, folder.artefacts).absolute(path) is None
    assert Artefacts(folder.path, folder.artefacts).absolute("artefacts/a/output.txt") is not None


@pytest.mark.parametrize("total", [MOST_ITEMS + 1, -1])
def test_a_map_of_more_items_than_there_can_be_takes_no_memory(tmp_path: Path, total: int) -> None:
    expanded = {"type": "map_expanded", "node": "a", "data": {"total": total}}
    with pytest.raises(BadInput, match=r"hostile\.jsonl:3: .*at most 10,000,000"):
        session(tmp_path, expanded, node=MAPPED)
