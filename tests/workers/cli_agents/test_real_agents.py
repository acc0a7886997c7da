"""The programs themselves, from the registry, against the fake provider. Skipped where the registry is away."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.ports import Delta, Done, Failed, Stepped
from swarmtui.plan.team import AgentDef
from swarmtui.session.vocabulary import ErrorKind
from swarmtui.workers.cli_agents.programs import load_programs
from swarmtui.workers.cli_agents.run import Patience
from swarmtui.workers.cli_agents.worker import CliAgentWorker
from swarmtui.workers.process import Processes
from tests.fakes.llm import FakeLLM
from tests.fakes.llm_behaviours import Answer, Call, Status
from tests.workers.building import carry_out
from tests.workers.cli_agents.building import agent_attempt, git, repository

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
PACKAGES = ("@anthropic-ai/claude-code", "@google/gemini-cli", "opencode-ai")
MODELS = {"gemini": "google/gemini-2.5-flash"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the programs, installed once and kept for later runs."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.getbasetemp().parent / "swarmtui-cli-agents"
    folder.mkdir(exist_ok=True)
    programs = folder / "node_modules" / ".bin"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            command = ("npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", *PACKAGES)
            try:
                ran = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
            except subprocess.TimeoutExpired:
                pytest.skip("the registry did not answer in time")
            if ran.returncode:
                pytest.skip(f"the registry is away: {ran.stderr.strip()[-200:]}")
            (folder / "whole").touch()
    return programs


@pytest.fixture
def on_path(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PATH", f"{installed}{os.pathsep}{os.environ['PATH']}")
    return


def _task(words: str) -> str:
    """Calls about this task, but for the one in which opencode has it given a title."""
    return rf"^(?!.*title generator).*{words}"


class Bench:
    """A repository, a provider and a home in which the programs find it."""

    def __init__(self, folder: Path, llm: FakeLLM) -> None:
        self.repo = repository(folder / "repo")
        self.folder = folder / "node"
        self.folder.mkdir()
        self.home = folder / "home"
        (self.home / ".gemini").mkdir(parents=True)
        settings = {"security": {"auth": {"selectedType": "gemini-api-key"}}}
        (self.home / ".gemini/settings.json").write_text(json.dumps(settings))
        options = {"baseURL": llm.base_url, "apiKey": "opencode-key"}
        price = {"cost": {"input": 1, "output": 2}}
        provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {"m": price}}
        self.opencode: dict[str, Any] = {"model": "fake/m", "small_model": "fake/m", "provider": {"fake": provider}}
        self.environ = {
            "ANTHROPIC_BASE_URL": llm.root_url,
            "ANTHROPIC_API_KEY": "sk-ant-claude-key",
            "GOOGLE_GEMINI_BASE_URL": llm.root_url,
            "GEMINI_API_KEY": "gemini-key",
        }
        self.told: list[Any] = []

    async def run(self, program: str, **fields: Any) -> Done | Failed:
        """How `program` ends."""
        self.told.clear()
        programs = load_programs({program.removesuffix("-acp"): {"home": str(self.home)}})
        environ = self.environ | {"OPENCODE_CONFIG_CONTENT": json.dumps(self.opencode)}
        worker = CliAgentWorker(Processes(), programs, patience=Patience(silence_s=90), environ=environ)
        own = AgentDef(program=program, model=MODELS.get(program.removesuffix("-acp"), "worker"))
        return await carry_out(worker, agent_attempt(self.folder, self.repo, own, **fields), self.told)

    def said(self, channel: str) -> str:
        """What it said, as it streamed."""
        return "".join(each.text for each in self.told if isinstance(each, Delta) and each.channel == channel)

    def thread(self) -> tuple[Any, ...]:
        """What it had recorded, as if it had not come to its end."""
        entries = [each.entry for each in self.told if isinstance(each, Stepped)]
        return tuple({name: value for name, value in entry.items() if name != "ended"} for entry in entries)


@pytest.mark.parametrize("program", ["claude", "gemini", "opencode", "opencode-acp", "gemini-acp"])
async def test_it_answers_with_its_usage_and_goes_on_with_its_session(
    tmp_path: Path, on_path: None, program: str
) -> None:
    async with FakeLLM(Answer("An answer of the provider.")) as llm:
        bench = Bench(tmp_path, llm)
        end = await bench.run(program, prompt="--help me with the first task")
        assert isinstance(end, Done), end
        assert end.output == "An answer of the provider."
        assert (end.usage.tokens_in, end.usage.tokens_out) == (11, 7)
        assert bench.said("output") == "An answer of the provider."
        assert any("--help me with the first task" in asked.text for asked in llm.ledger)
        thread = bench.thread()
        llm.ledger.clear()
        again = await bench.run(program, prompt="the second task", thread=thread, number=2)
        assert isinstance(again, Done), again
        remembered = any("the first task" in asked.text and "the second task" in asked.text for asked in llm.ledger)
        assert remembered or program == "gemini-acp"  # which knows its session no more, and begins a new one
        assert git(bench.repo, "worktree", "list").count("\n") == 1


async def test_claude_tells_what_it_costs_and_opencode_by_its_prices(tmp_path: Path, on_path: None) -> None:
    async with FakeLLM(Answer("x")) as llm:
        bench = Bench(tmp_path, llm)
        claude = await bench.run("claude")
        assert claude.usage.cost_usd is not None
        assert 0 < claude.usage.cost_usd < 0.01
        opencode = await bench.run("opencode")
        assert opencode.usage.cost_usd == pytest.approx(25e-6)


async def test_a_file_that_opencode_writes_is_its_diff(tmp_path: Path, on_path: None) -> None:
    async with FakeLLM(Answer("Made it.")) as llm:
        made = Call("write", {"filePath": "made.txt", "content": "made\n"})
        llm.when(_task("make the file"), Answer(calls=(made,)), times=1)
        bench = Bench(tmp_path, llm)
        end = await bench.run("opencode", prompt="make the file")
        assert isinstance(end, Done), end
        assert "made.txt" in end.output
        assert (bench.folder / "changes.diff").read_text().count("+made\n") == 1
        assert not (bench.repo / "made.txt").exists()


async def test_what_opencode_asks_is_refused_without_a_rule(tmp_path: Path, on_path: None) -> None:
    async with FakeLLM(Answer("I could not.")) as llm:
        command = Call("bash", {"command": "touch asked.txt", "description": "touches"})
        llm.when(_task("run the command"), Answer(calls=(command,)), times=1)
        bench = Bench(tmp_path, llm)
        bench.opencode["permission"] = {"bash": "ask"}
        await bench.run("opencode-acp", prompt="run the command")
        assert "refused: acp/execute" in bench.said("reasoning")
        assert not (bench.folder / "changes.diff").exists()


async def test_a_key_that_is_refused_is_told_as_such(tmp_path: Path, on_path: None) -> None:
    body = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
    async with FakeLLM(Status(401, body=body)) as llm:
        end = await Bench(tmp_path, llm).run("claude")
        assert isinstance(end, Failed)
        assert end.error.kind is ErrorKind.REFUSED, end.error
