"""The command line itself: start-up, parsing, what words mean."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from types import SimpleNamespace

import pytest

from swarmtui.cli import ctl, ctl_words, run
from swarmtui.cli.failures import UsageError
from swarmtui.cli.main import COMMANDS, main
from swarmtui.cli.targets import find_target
from tests.cli.conftest import Program

HEAVY = ("pydantic", "textual", "rich", "asyncio", "yaml", "httpx", "sqlite3", "aiosqlite", "jsonschema")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom swarmtui.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(re.search(rf"^    {name}\s", done.stdout, re.MULTILINE) for name in COMMANDS)


def test_help_costs_little_more_than_python_itself() -> None:
    bare = _cpu([sys.executable, "-c", "pass"])
    ours = _cpu([sys.executable, "-m", "swarmtui", "--help"])
    assert ours <= 8 * bare, f"{ours * 1000:.0f} ms against {bare * 1000:.0f} ms"


def _cpu(argv: list[str]) -> float:
    """Least CPU seconds of five runs."""
    found = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: swarmtui {name}")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["fly"], 2, "invalid choice"),
        (["--host", "box"], 2, "swarmtui ls --host NAME"),
        (["--host=box"], 2, "in the list of sessions O adds a machine"),
        (["run"], 2, "required"),
        (["run", "t.yaml", "--concurrency", "0"], 2, "whole number"),
        (["run", "t.yaml", "--set", "x"], 2, "NAME=VALUE"),
        (["run", "missing.yaml"], 2, "no such task file"),
        (["run", "nofile.yaml"], 2, "no such task file\n"),
        (["run", "reserch.yaml"], 2, "did you mean research?"),
        (["run", ""], 2, "empty"),
        (["run", "."], 2, "is a folder"),
        (["show", "nobody"], 3, "no session"),
        (["show", "../etc"], 3, "no session ID"),
        (["attach", "nobody"], 3, "no session"),
        (["ctl", "nobody", "pause"], 3, "no session"),
        (["validate", "a goal in words"], 2, "no such task file"),
        (["graph", "a goal in words"], 2, "neither"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    try:
        ended: object = main(words)
    except SystemExit as left:
        ended = left.code
    shown = capsys.readouterr()
    assert ended == code
    assert said in shown.err
    assert shown.out == ""


def test_without_arguments_sessions_are_listed_with_a_hint(swarmtui: Program) -> None:
    done = swarmtui()
    assert done.returncode == 0
    assert "swarmtui run" in done.stdout


def test_a_word_is_a_file_a_sample_or_a_goal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd name").write_text("goal: x")
    Path("review.yaml").write_text("goal: x")
    assert find_target("odd name").path == Path("odd name")
    assert find_target("review.yaml").path == Path("review.yaml")
    assert find_target("compare three queues").goal == "compare three queues"
    assert find_target("a\nb" * 3000).goal is not None
    sample = find_target("code_review").path
    assert sample is not None
    assert sample.is_file()
    assert find_target("sample_tasks/code_review.yaml").path == sample


@pytest.mark.parametrize(
    ("word", "hint"),
    [("reviw.yaml", "review.yaml"), ("code_reviev", "code_review"), ("code_reviw.yaml", "code_review")],
)
def test_a_near_miss_names_what_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, hint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("review.yaml").write_text("goal: x")
    with pytest.raises(UsageError, match=f"did you mean (the sample )?{hint}"):
        find_target(word)


@pytest.mark.parametrize(
    ("words", "params"),
    [
        (["concurrency=4"], {"concurrency": 4}),
        (["concurrency=+2"], {"concurrency": "+2"}),
        (["concurrency=auto", "usd=1.5"], {"concurrency": "auto", "usd": 1.5}),
        (["tokens=1000", "minutes=none"], {"tokens": 1000, "minutes": None}),
        (["pool.commands=3", "pool.x/y=1"], {"pools": {"commands": 3, "x/y": 1}}),
    ],
)
def test_limits_are_read(words: list[str], params: dict[str, object]) -> None:
    assert ctl_words.limits_of(words) == params


@pytest.mark.parametrize("word", ["concurrency", "usd=", "usd=much", "colour=red"])
def test_limits_that_are_none_are_refused(word: str) -> None:
    with pytest.raises(UsageError):
        ctl_words.limits_of([word])


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (["pause"], ("session.pause", {"mode": "drain"})),
        (["pause", "--now"], ("session.pause", {"mode": "now"})),
        (["approve"], ("plan.approve", {"plan_rev": 3})),
        (["reject", "shorter"], ("plan.reject", {"plan_rev": 3, "feedback": "shorter"})),
        (["retry", "a"], ("node.retry", {"node": "a"})),
        (["retry", "m/7"], ("node.retry", {"node": "m", "item": 7})),
        (["retry", "m", "--failed"], ("node.retry", {"node": "m", "failed": True})),
        (["hold", "a"], ("node.pause", {"node": "a"})),
        (["hold", "m/7"], ("node.pause", {"node": "m", "item": 7})),
        (["priority", "m/7", "2"], ("node.priority", {"node": "m", "item": 7, "priority": 2})),
        (["release", "a"], ("node.resume", {"node": "a"})),
        (["stop", "a"], ("node.cancel", {"node": "a"})),
        (["retry-failed"], ("nodes.retry_failed", {})),
        (["retry-failed", "--where", "kind=timeout"], ("nodes.retry_failed", {"where": {"kind": "timeout"}})),
        (["retry", "a", "--descendants", "--fresh"], ("node.retry", {"node": "a", "descendants": True, "fresh": True})),
        (["retry", "m", "--item", "3"], ("node.retry", {"node": "m", "item": 3})),
        (["retry", "m", "--where", "error~timed out"], ("node.retry", {"node": "m", "where": {"error": "timed out"}})),
        (["rerun-stale"], ("nodes.rerun_stale", {})),
        (["priority", "a", "-5"], ("node.priority", {"node": "a", "priority": -5})),
        (["undo"], ("undo", {})),
        (["redo"], ("redo", {})),
        (["undo", "17"], ("undo", {"seq": 17})),
        (["set", "ramp=2.5"], ("limits.set", {"ramp": 2.5})),
        (["set", "ramp=none"], ("limits.set", {"ramp": None})),
        (["set", "tag.gpu=2", "pool.x=none"], ("limits.set", {"tags": {"gpu": 2}, "pools": {"x": None}})),
        (
            ["change", "a", "model=planner", "retries=3", "--restart"],
            (
                "plan.patch",
                {
                    "base_rev": 3,
                    "ops": [
                        {"op": "set", "node": "a", "field": "model", "value": "planner"},
                        {"op": "set", "node": "a", "field": "retries", "value": 3},
                    ],
                    "restart": True,
                },
            ),
        ),
        (["answer", "q", "yes"], ("answer", {"pending": "q", "text": "yes"})),
    ],
)
def test_a_verb_is_one_command_of_the_engine(words: list[str], call: tuple[str, dict[str, object]]) -> None:
    from swarmtui.engine.commands import METHODS

    parser = ArgumentParser()
    ctl.arguments(parser)
    feed = SimpleNamespace(state=SimpleNamespace(plan_rev=3, nodes={"a": None, "m": None}, pending={}))
    found = ctl.call_of(parser.parse_args(["id", *words]), feed)  # type: ignore[arg-type]
    assert found == call
    assert found[0] in METHODS


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_a_change_that_waits_is_named_where_none_was_said(verb: str) -> None:
    parser = ArgumentParser()
    ctl.arguments(parser)
    waiting = {"change-2": SimpleNamespace(id="change-2", kind="change")}
    feed = SimpleNamespace(state=SimpleNamespace(plan_rev=3, nodes={}, pending=waiting, status="running"))
    with pytest.raises(UsageError, match=f"swarmtui ctl id {verb} --change change-2"):
        ctl.call_of(parser.parse_args(["id", verb]), feed)  # type: ignore[arg-type]


@pytest.mark.parametrize("more", [["--item", "2"], ["--failed"], ["--where", "items=3"]])
def test_an_item_that_is_named_twice_over_is_refused(more: list[str]) -> None:
    parser = ArgumentParser()
    ctl.arguments(parser)
    feed = SimpleNamespace(state=SimpleNamespace(plan_rev=3, nodes={"m": None}))
    with pytest.raises(UsageError, match="m/7 is one item already"):
        ctl.call_of(parser.parse_args(["id", "retry", "m/7", *more]), feed)  # type: ignore[arg-type]


def test_values_of_a_change_are_read_as_yaml_but_for_texts() -> None:
    words = [
        "run=[sh, -c, exit 0]",
        "retries={limit: 2, models: [planner]}",
        "prompt=[urgent] {{ a.output }}",
        "needs=a",
    ]
    assert [op["value"] for op in ctl_words.changes_of("n", words)] == [
        ["sh", "-c", "exit 0"],
        {"limit": 2, "models": ["planner"]},
        "[urgent] {{ a.output }}",
        "a",
    ]
    assert ctl_words.changes_of("n", ["prompt=[urgent]"])[0]["value"] == "[urgent]"


def test_a_patch_is_read_from_yaml_with_its_operations_in_order(tmp_path: Path) -> None:
    from swarmtui.cli.ctl_words import patch_of
    from swarmtui.cli.failures import UsageError

    file = tmp_path / "patch.yaml"
    file.write_text("- {op: remove, node: a}\n- {op: connect, node: c, need: b}\n")
    assert patch_of(str(file)) == {"ops": [{"op": "remove", "node": "a"}, {"op": "connect", "node": "c", "need": "b"}]}
    file.write_text("nodes: {a: {prompt: x}}\n")
    with pytest.raises(UsageError, match="a patch is a list of operations"):
        patch_of(str(file))


def test_pairs_and_widths() -> None:
    assert run.pair("a=b=c") == ("a", "b=c")
    assert (run.width("auto"), run.width("12")) == ("auto", 12)
    for refused in ("-1", "0", "1.5", "many", "100001"):
        with pytest.raises(ArgumentTypeError):
            run.width(refused)


def test_validate_lists_problems_for_editors(swarmtui: Program) -> None:
    swarmtui.write("bad.yaml", "goal: g\nnodes:\n  a: {rum: [x]}\n")
    done = swarmtui("validate", "bad.yaml", "--json")
    (found,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 2
    assert found["valid"] is False
    assert {"file", "line", "column", "message", "fix"} <= found["problems"][0].keys()
    swarmtui.write("good.yaml", "goal: g\nnodes:\n  a: {run: [x]}\n")
    assert swarmtui("validate", "good.yaml").returncode == 0


def test_schema_and_doctor_and_themes_speak_json(swarmtui: Program) -> None:
    assert json.loads(swarmtui("schema").stdout)["$schema"]
    checks = [json.loads(line) for line in swarmtui("doctor", "--json").stdout.splitlines()]
    assert {"python", "sqlite", "sandbox", "terminal", "state"} <= {check["name"] for check in checks}
    themes = [json.loads(line) for line in swarmtui("themes", "--json").stdout.splitlines()]
    assert len(themes) >= 2


def test_what_comes_from_outside_cannot_command_the_terminal(swarmtui: Program) -> None:
    swarmtui.write("evil.yaml", 'goal: "\\e[2Jevil\\e]0;title\\a"\nnodes:\n  a: {run: [echo, x]}\n')
    for words in (["run", "evil.yaml"], ["ls"], ["ls", "--json"], ["validate", "evil.yaml"]):
        done = swarmtui(*words)
        assert "\x1b" not in done.stdout + done.stderr
        assert "\x07" not in done.stdout + done.stderr
