"""``swarmtui eval pacing`` as a user runs it."""

from __future__ import annotations

import json

from swarmtui.cli.main import main


def test_it_prints_one_json_object_per_world(capsys):
    code = main(["eval", "pacing", "--world", "02-fast", "--seeds", "1", "--calls", "120", "--json"])
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["world"] == "02-fast"
    assert set(told["rivals"]) == {"aimd", "deepswarm", "inspect", "gradient2", "fixed8", "fixed32", "fixed128"}
    assert code == (1 if told["misses"] else 0)


def test_the_table_names_the_targets(capsys):
    assert main(["eval", "pacing", "--world", "02-fast", "--quick"]) == 0
    out = capsys.readouterr().out
    assert "refused/100" in out
    assert "(>= 0.99)" in out


def test_an_unknown_world_is_one_line_with_those_there_are(capsys):
    assert main(["eval", "pacing", "--world", "99"]) == 2
    assert "no such world; there are 01, 02" in capsys.readouterr().err
