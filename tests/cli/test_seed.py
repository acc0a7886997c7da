"""``swarmtui seed`` and ``swarmtui filter`` from the shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from swarmtui.cli.main import main


class Ran(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


class Program:
    """Runs the command line in this process, in a folder of the test's own."""

    def __init__(self, folder: Path, printed: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._printed = printed

    def __call__(self, *words: str) -> Ran:
        try:
            code = main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed = self._printed.readouterr()
        return Ran(code, printed.out, printed.err)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path


@pytest.fixture
def swarmtui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    monkeypatch.chdir(tmp_path)
    return Program(tmp_path, capsys)


def test_seed_prints_a_json_value_a_line(swarmtui: Program) -> None:
    done = swarmtui("seed", "--count", "3", "--template", 'Idea "{{seed}}" at {{ index }}, é')
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        f'Idea "{number}" at {number - 1}, é' for number in (1, 2, 3)
    ]


def test_a_template_that_is_json_gives_objects(swarmtui: Program) -> None:
    done = swarmtui("seed", "--count", "2", "--template", '{"id": {{index}}, "topic": "T{{seed}}"}')
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"id": 0, "topic": "T1"},
        {"id": 1, "topic": "T2"},
    ]


def test_a_file_that_exists_is_replaced_by_force_only(swarmtui: Program) -> None:
    path = swarmtui.write("seeds.jsonl", "mine\n")
    refused = swarmtui("seed", "--count", "2", "--out", "seeds.jsonl")
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert path.read_text() == "mine\n"
    assert swarmtui("seed", "--count", "2", "--out", "seeds.jsonl", "--force").returncode == 0
    assert path.read_text() == '"1"\n"2"\n'


def test_with_a_task_the_items_go_where_it_reads_its_seeds(swarmtui: Program) -> None:
    swarmtui.write("task.yaml", "task_type: generation\nprompt_template: 'Say {{seed}}'\nseeds_file: my.jsonl\n")
    done = swarmtui("seed", "--count", "2", "--template", "w{{seed}}", "--task", "task.yaml")
    assert done.returncode == 0, done.stderr
    assert (swarmtui.folder / "my.jsonl").read_text() == '"w1"\n"w2"\n'
    assert swarmtui("validate", "task.yaml").returncode == 0


def test_a_task_that_has_no_seeds_is_told(swarmtui: Program) -> None:
    swarmtui.write("task.yaml", "goal: g\n")
    done = swarmtui("seed", "--count", "2", "--task", "task.yaml")
    assert done.returncode == 2
    assert "no DeepSwarm task file" in done.stderr


def test_a_count_that_is_none_is_refused_in_one_line(swarmtui: Program) -> None:
    done = swarmtui("seed", "--count", "0")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_filter_tells_figures_and_writes_both_files(swarmtui: Program) -> None:
    swarmtui.write("in.jsonl", '{"label": "ham"}\n{"label": ""}\nnonsense\n{"label": "spam",}\n')
    words = ("filter", "--input", "in.jsonl", "--output", "c.json", "--errors", "e.jsonl", "--require", "label")
    done = swarmtui(*words, "--format", "json", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["kept"], told["repaired"], told["rejected"]) == (2, 1, 2)
    assert json.loads((swarmtui.folder / "c.json").read_text()) == [{"label": "ham"}, {"label": "spam"}]
    assert len((swarmtui.folder / "e.jsonl").read_text().splitlines()) == 2


def test_filter_refuses_what_makes_no_sense_in_one_line(swarmtui: Program) -> None:
    swarmtui.write("in.jsonl", "1\n")
    swarmtui.write("bad.json", '{"type": 5}')
    base = ("filter", "--input", "in.jsonl", "--errors", "e.jsonl")
    for words, why in (
        ((*base, "--output", "e.jsonl"), "the same file"),
        ((*base, "--output", "c.jsonl", "--min-chars", "9", "--max-chars", "3"), "no record"),
        ((*base, "--output", "c.jsonl", "--schema", "bad.json"), "not a JSON Schema"),
        (("filter", "--input", "gone", "--output", "c", "--errors", "e"), "no such file"),
    ):
        done = swarmtui(*words)
        assert done.returncode == 2, words
        assert why in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (swarmtui.folder / "c.jsonl").exists()


def test_seeds_are_written_where_the_task_reads_them_if_it_reads_json_lines(swarmtui: Program) -> None:
    swarmtui.write("deep.yaml", "task_type: generation\nprompt_template: x\nseeds_file: new/place/s.jsonl\n")
    assert swarmtui("seed", "--count", "2", "--task", "deep.yaml").returncode == 0
    assert (swarmtui.folder / "new" / "place" / "s.jsonl").read_text() == '"1"\n"2"\n'
    swarmtui.write("table.yaml", "task_type: generation\nprompt_template: x\nseeds_file: s.csv\n")
    refused = swarmtui("seed", "--count", "2", "--task", "table.yaml")
    assert refused.returncode == 2
    assert "reads its seeds from s.csv" in refused.stderr
    assert not (swarmtui.folder / "s.csv").exists()
