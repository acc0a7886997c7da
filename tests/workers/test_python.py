import json
import math
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.ports import Delta, Done, Failed
from swarmtui.plan.model import PythonSpec
from swarmtui.safety.sandbox import Blocked, Sandbox
from swarmtui.session.vocabulary import ErrorKind
from swarmtui.workers.process import Processes
from swarmtui.workers.python import PythonWorker
from tests.sandboxed import WORKS, needs_sandbox
from tests.workers.building import attempt, carry_out


async def python(
    code: str | None,
    folder: Path,
    deltas: list[Delta] | None = None,
    values: dict[str, Any] | None = None,
    file: str | None = None,
    **fields: Any,
) -> Done | Failed:
    worker = PythonWorker(Processes(find_sandbox=lambda: WORKS))
    return await carry_out(worker, attempt(PythonSpec(code, file, values or {}), folder, **fields), deltas)


async def output(code: str, folder: Path, **fields: Any) -> str:
    ending = await python(code, folder, **fields)
    assert isinstance(ending, Done), ending
    return ending.output


async def message(code: str, folder: Path, **fields: Any) -> str:
    ending = await python(code, folder, **fields)
    assert isinstance(ending, Failed), ending
    assert "\n" not in ending.error.message
    return ending.error.message


async def test_what_code_prints_is_the_output(tmp_path: Path) -> None:
    assert await output("print('é', 6 * 7)", tmp_path) == "é 42\n"
    assert (tmp_path / "output.txt").read_text() == "é 42\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.txt", "output.txt"]


async def test_code_finds_its_inputs_and_sets_a_result_instead(tmp_path: Path) -> None:
    values = {"text": "x" * 3_000_000, "list": [1, None, "é"]}
    code = "print('working')\nresult = {'n': len(inputs['text']), 'list': inputs['list']}"
    deltas: list[Delta] = []
    ending = await python(code, tmp_path, deltas, values)
    assert isinstance(ending, Done)
    assert json.loads(ending.output) == {"n": 3_000_000, "list": [1, None, "é"]}
    assert Path(ending.path or "").read_text() == ending.output
    assert (tmp_path / "log.txt").read_text() == "working\n"
    assert deltas == [Delta("node//1", "working\n")]


async def test_a_result_of_none_is_one(tmp_path: Path) -> None:
    assert await output("result = None", tmp_path) == "null"


async def test_a_large_result_is_kept_whole_in_its_file(tmp_path: Path) -> None:
    ending = await python("result = 'x' * 5_000_000", tmp_path)
    assert isinstance(ending, Done)
    assert (ending.truncated, ending.size) == (True, 5_000_002)
    assert len(ending.output) < 2_200_000
    assert Path(ending.path or "").stat().st_size == 5_000_002


async def test_an_item_of_a_map_leaves_no_file(tmp_path: Path) -> None:
    assert await output("print(1); result = inputs['n']", tmp_path, item=3, values={"n": 5}) == "5"
    assert list(tmp_path.iterdir()) == []


async def test_neither_code_nor_values_are_seen_in_the_list_of_processes(tmp_path: Path) -> None:
    code = "print(open('/proc/self/cmdline').read(), 'secret' + '-code')"
    said = await output(code, tmp_path, values={"v": "secret-value"})
    assert "secret-value" not in said
    assert said.count("secret") == 1


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("a = 1\n\nb = a / 0\n", "<node>:3: ZeroDivisionError: division by zero"),
        ("def f():\n    raise ValueError('x')\nf()", "<node>:2: ValueError: x"),
        ("a = 1\nb = = 2\n", "<node>:2: SyntaxError: invalid syntax"),
        ("raise SystemExit('stop here')", "exit code 1: stop here"),
        ("raise SystemExit(4)", "exit code 4"),
        ("result = {1, 2}", "exit code 1: <node>: result cannot be written as JSON: Object of type set"),
        (f"result = float('{math.nan}')", "result cannot be written as JSON"),
    ],
)
async def test_a_mistake_is_told_with_the_line_of_the_users_code(code: str, told: str, tmp_path: Path) -> None:
    assert told in await message(code, tmp_path)


async def test_the_traceback_shows_the_users_code_and_nothing_of_ours(tmp_path: Path) -> None:
    deltas: list[Delta] = []
    await python("def f(x):\n    return 1 / x  # here\nf(0)\n", tmp_path, deltas)
    said = "".join(delta.text for delta in deltas if delta.channel == "stderr")
    assert "return 1 / x  # here" in said
    assert said.count("File ") == 2
    assert "exec(" not in said


async def test_code_is_an_ordinary_main_module(tmp_path: Path) -> None:
    code = """
import dataclasses, pickle, sys
@dataclasses.dataclass
class Point:
    x: int
assert __name__ == "__main__"
assert sys.stdin.read() == ""
print(pickle.loads(pickle.dumps(Point(3))).x, sys.argv)
"""
    assert await output(code, tmp_path) == "3 ['<node>']\n"


async def test_code_runs_apart_from_the_users_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    said = await output("import json, os; print(os.environ.get('OPENAI_API_KEY'), os.getcwd())", tmp_path)
    assert said == f"None {tmp_path}\n"


async def test_a_file_is_found_beside_the_task_file(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "step.py").write_text("print(__file__)\n1 / 0\n")
    task = str(tmp_path / "task")
    ending = await python(None, tmp_path, file="step.py", task_folder=task)
    assert isinstance(ending, Failed)
    assert ending.error.message == f"{task}/step.py:2: ZeroDivisionError: division by zero"
    assert ending.output == f"{task}/step.py\n"
    missing = await python(None, tmp_path, file="missing.py", task_folder=task)
    assert isinstance(missing, Failed)
    assert missing.error.message == "missing.py: No such file or directory"
    assert missing.error.kind is ErrorKind.INPUT


async def test_without_a_sandbox_no_foreign_code_runs(tmp_path: Path) -> None:
    worker = PythonWorker(Processes(find_sandbox=lambda: Blocked("no bubblewrap", "install it")))
    tried = attempt(PythonSpec(f"open('{tmp_path}/ran', 'w')"), tmp_path, trusted=False)
    ending = await carry_out(worker, tried)
    assert isinstance(ending, Failed)
    assert ending.error.kind is ErrorKind.BLOCKED
    assert list(tmp_path.iterdir()) == []


@needs_sandbox
async def test_foreign_code_runs_in_the_sandbox(tmp_path: Path) -> None:
    assert isinstance(WORKS, Sandbox)
    code = """
import os
def tries(act):
    try:
        act()
    except OSError as error:
        return error.strerror
print(tries(lambda: open("/etc/shadow")), os.getuid())
result = [inputs["a"], tries(lambda: open("escaped", "w"))]
"""
    ending = await python(code, tmp_path, values={"a": 1}, trusted=False)
    assert isinstance(ending, Done)
    assert json.loads(ending.output) == [1, "Read-only file system"]
    assert (tmp_path / "log.txt").read_text() == "No such file or directory 65534\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.txt", "output.txt"]


@needs_sandbox
@pytest.mark.parametrize(
    "trick",
    [
        "os.symlink('/etc/hostname', '/ws/result.json')",
        "os.mkfifo('/ws/result.json')",
        "os.mkdir('/ws/result.json')",
    ],
)
async def test_foreign_code_cannot_pass_another_file_off_as_its_result(trick: str, tmp_path: Path) -> None:
    ending = await python(f"import os\nprint('printed')\n{trick}", tmp_path, trusted=False)
    assert isinstance(ending, Done)
    assert ending.output == "printed\n"


@needs_sandbox
async def test_a_file_of_a_foreign_plan_stays_beside_its_task(tmp_path: Path) -> None:
    ending = await python(None, tmp_path, file="../../etc/passwd", trusted=False)
    assert isinstance(ending, Failed)
    assert ending.error.kind is ErrorKind.BLOCKED
