import os
from pathlib import Path

import pytest

from swarmtui.agents.tools import AgentTool
from swarmtui.agents.tools.code import python, shell
from swarmtui.agents.tools.files import read_file, write_file
from swarmtui.safety.permissions import Effect
from swarmtui.safety.sandbox import Blocked
from swarmtui.workers.process import Processes
from swarmtui.workers.tool_code import SandboxedCode
from tests.agents.tools.calling import called, context, refusal, text
from tests.sandboxed import WORKS, needs_sandbox

RUN = SandboxedCode(Processes(find_sandbox=lambda: WORKS))


@pytest.fixture
def py() -> AgentTool:
    return python(RUN)


@pytest.fixture
def sh() -> AgentTool:
    return shell(RUN)


@needs_sandbox
async def test_what_code_prints_and_its_last_value_are_told(py: AgentTool, tmp_path: Path) -> None:
    assert await text(py, tmp_path, code="x = 6\nprint('é')\nx * 7") == "é\n42"
    assert await text(py, tmp_path, code="x = 1") == "It succeeded and printed nothing."
    assert py.effect is Effect.RUN


@needs_sandbox
async def test_a_mistake_is_told_with_its_line(py: AgentTool, tmp_path: Path) -> None:
    said = await refusal(py, tmp_path, code="print('before')\ndef f():\n    return 1 / 0\nf()")
    assert said.startswith("It failed with exit code 1.\nbefore\nstderr:\nTraceback")
    assert 'File "<code>", line 3, in f\n    return 1 / 0' in said
    assert "exec(" not in said
    assert "SyntaxError" in await refusal(py, tmp_path, code="a = = 1")


@needs_sandbox
async def test_files_stay_from_call_to_call_and_are_those_of_write_file(
    py: AgentTool, sh: AgentTool, tmp_path: Path
) -> None:
    await text(write_file(), tmp_path, path="lib/__init__.py", content="ANSWER = 42")
    await text(py, tmp_path, code="import lib; open('out.txt', 'w').write(str(lib.ANSWER))")
    assert await text(sh, tmp_path, argv=["cat", "out.txt"]) == "42"
    assert "1\t42" in await text(read_file(), tmp_path, path="out.txt")
    assert sorted(os.listdir(tmp_path)) == ["attempt", "project"]


@needs_sandbox
async def test_the_project_is_there_to_read(sh: AgentTool, tmp_path: Path) -> None:
    where = context(tmp_path)
    Path(where.cwd, "a.txt").write_text("of the project")
    assert await text(sh, where, script='cat "$PROJECT/a.txt" | tr a-z A-Z') == "OF THE PROJECT"
    assert "Read-only" in await refusal(sh, where, script='echo x > "$PROJECT/a.txt"')
    assert Path(where.cwd, "a.txt").read_text() == "of the project"


@needs_sandbox
async def test_credentials_of_the_project_are_not_there(sh: AgentTool, tmp_path: Path) -> None:
    where = context(tmp_path)
    Path(where.cwd, "a.txt").write_text("fine")
    Path(where.cwd, ".env").write_text("KEY=canary-value")
    assert await text(sh, where, script='cat "$PROJECT/a.txt"; grep -r canary "$PROJECT" || true') == "fine"
    assert await text(sh, where, script='cat "$PROJECT/.env"') == "It succeeded and printed nothing."
    await called(sh, where, script='echo x > "$PROJECT/.env"')
    assert Path(where.cwd, ".env").read_text() == "KEY=canary-value"


@needs_sandbox
@pytest.mark.parametrize("trusted", [True, False])
async def test_code_of_a_model_is_in_the_sandbox_whoever_wrote_the_plan(
    trusted: bool, py: AgentTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-value")
    code = """
import os, socket
def tries(act):
    try:
        return act()
    except OSError as error:
        return type(error).__name__
print(os.getuid(), tries(lambda: open("/etc/shadow")), tries(lambda: open("/root/x", "w")))
print(tries(lambda: socket.create_connection(("1.1.1.1", 80), 1)), "canary" in str(os.environ))
"""
    said = await text(py, context(tmp_path, trusted=trusted), code=code)
    assert said.startswith("65534 FileNotFoundError ")
    assert said.endswith("OSError False")


@needs_sandbox
async def test_code_that_takes_too_long_is_ended_and_what_it_said_is_kept(sh: AgentTool, tmp_path: Path) -> None:
    said = await refusal(sh, tmp_path, script="echo begun; sleep 1000", timeout=1)
    assert said == "It was ended after 1 s, the timeout. Until then it said:\nbegun"


@needs_sandbox
async def test_much_output_keeps_its_two_ends(sh: AgentTool, tmp_path: Path) -> None:
    said = await text(sh, tmp_path, script="echo first; seq 100000; echo last; echo warned >&2")
    assert said.startswith("first\n1\n2\n")
    assert "characters left out …]" in said
    assert said.endswith("100000\nlast\nstderr:\nwarned")
    assert len(said) < 50_000


@needs_sandbox
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "give either argv or script"),
        ({"argv": ["true"], "script": "true"}, "give either argv or script"),
        ({"argv": "ls -l"}, "argv: give a list of words"),
        ({"argv": []}, "argv: give a list of words"),
        ({"argv": ["a\0b"]}, "NUL"),
        ({"script": "x" * 200_000}, "too long"),
        ({"argv": ["no-such-program"]}, "exit code 127"),
        ({"script": "exit 3"}, "It failed with exit code 3."),
    ],
)
async def test_a_command_that_cannot_be_run_is_told(
    given: dict[str, object], told: str, sh: AgentTool, tmp_path: Path
) -> None:
    assert told in await refusal(sh, tmp_path, **given)


async def test_without_a_sandbox_no_code_is_run(tmp_path: Path) -> None:
    run = SandboxedCode(Processes(find_sandbox=lambda: Blocked("no bubblewrap here", "install it")))
    for tool, given in (
        (python(run), {"code": f"open('{tmp_path}/ran', 'w')"}),
        (shell(run), {"script": f"> {tmp_path}/ran"}),
    ):
        assert "none works here: no bubblewrap here; install it" in await refusal(tool, tmp_path, **given)
    assert not (tmp_path / "ran").exists()
