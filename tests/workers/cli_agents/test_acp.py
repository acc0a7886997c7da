import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.ports import Delta, Done, Failed, Stepped
from swarmtui.plan.team import AgentDef, Team
from swarmtui.safety.permissions import Rule
from swarmtui.session.vocabulary import ErrorKind
from swarmtui.workers.cli_agents.permits import by_rules
from swarmtui.workers.cli_agents.programs import Programs, load_programs
from swarmtui.workers.cli_agents.run import GO_ON, Patience
from tests.workers.building import Telling, carry_out
from tests.workers.cli_agents.building import QUICK, agent_attempt, git, repository, worker

pytest.importorskip("acp", reason="the extra acp is not installed")
FAKE = Path(__file__).with_name("fake_acp.py")
HERE = AgentDef(program="opencode-acp", worktree=False)
COPY = AgentDef(program="opencode-acp")
EDITS = Rule("allow", "acp/edit", untrusted=True)


def speaking(folder: Path, *does: str) -> Programs:
    argv = (sys.executable, "-S", "-E", str(FAKE), str(folder / "told.jsonl"), *does)
    return Programs({"opencode": replace(load_programs().get("opencode"), acp=argv)})


async def talk(folder: Path, *does: str, told: list[Any] | None = None, **fields: Any) -> Done | Failed:
    fields = {"own": HERE} | fields
    made = worker(speaking(folder, *does), fields.pop("patience", QUICK))
    return await carry_out(made, agent_attempt(folder, **fields), [] if told is None else told)


def heard(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "told.jsonl").read_text().splitlines()]


def answers(folder: Path) -> list[Any]:
    return [each["error"] or each["got"] for each in heard(folder) if "asked" in each]


def texts(told: list[Any], channel: str) -> str:
    return "".join(event.text for event in told if isinstance(event, Delta) and event.channel == channel)


def is_gone(folder: Path) -> bool:
    pid = heard(folder)[0]["pid"]
    return not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_a_task_is_answered_over_the_protocol(tmp_path: Path) -> None:
    told: list[Any] = []
    end = await talk(tmp_path, told=told, prompt="do it")
    assert isinstance(end, Done)
    assert end.output == "Hello there."
    assert (end.usage.tokens_in, end.usage.tokens_out, end.usage.tokens_cached) == (11, 7, 2)
    assert end.usage.cost_usd == 0.5
    assert texts(told, "output") == "I look.\n\nHello there."
    assert texts(told, "reasoning") == "hmm· Read a.txt\n· failed: Read a.txt\n"
    prompt = next(each["params"] for each in heard(tmp_path) if each.get("method") == "session/prompt")
    assert prompt["prompt"][0]["text"] == "do it"
    assert is_gone(tmp_path)


async def test_its_session_is_recorded_and_gone_on_with_where_it_can_load_one(tmp_path: Path) -> None:
    told: list[Any] = []
    await talk(tmp_path, "refuse", told=told)
    thread = tuple(event.entry for event in told if isinstance(event, Stepped))
    assert thread[0]["id"] == "acp-session-1"
    told.clear()
    end = await talk(tmp_path, "load", told=told, thread=thread, number=2)
    assert isinstance(end, Done)
    assert "what was said before" not in texts(told, "output")
    loaded = [each for each in heard(tmp_path) if each.get("method") in ("session/load", "session/prompt")][-2:]
    assert loaded[0]["params"]["sessionId"] == "acp-session-1"
    assert loaded[1]["params"]["prompt"][0]["text"].startswith(GO_ON)


async def test_files_are_served_within_its_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("content\n")
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / ".git/hooks").mkdir(parents=True)
    (tmp_path / ".git/config").write_text("secret")
    words = ("read:a.txt", "write:new.txt", "read:/etc/passwd", "read:link/passwd", "read:../x", "write:/tmp/x-acp")
    await talk(tmp_path, *words, "read:.git/config", "write:.git/hooks/x", team=Team(rules=(EDITS,)))
    found = answers(tmp_path)
    assert found[0] == {"content": "content\n"}
    assert (tmp_path / "new.txt").read_text() == "written\n"
    assert all(answer["code"] == -32602 for answer in found[2:])
    assert len(found) == 8
    assert not Path("/tmp/x-acp").exists()
    assert not (tmp_path / ".git/hooks/x").exists()


async def test_files_are_served_by_the_rules(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("content\n")
    rules = (
        Rule("deny", "acp/read", {"path": "*/a.txt"}),
        Rule("deny", "acp/edit", {"path": "*/no.txt"}),
        Rule("allow", "acp/edit", {"path": f"{tmp_path}/src/*"}, untrusted=True),
    )
    words = ("read:a.txt", "write:no.txt", "write:other.txt", "write:src/../over.txt")
    await talk(tmp_path, *words, team=Team(rules=rules))
    whys = [answer["data"]["details"] for answer in answers(tmp_path)]
    assert ["rule 1" in whys[0], "rule 2" in whys[1]] == [True, True]
    assert all("the user said no" in why for why in whys[2:])  # neither fits the rule that allows
    assert not any((tmp_path / name).exists() for name in ("no.txt", "other.txt", "over.txt"))


async def test_files_that_may_hold_credentials_are_not_served(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KEY=1")
    (tmp_path / "plain.txt").symlink_to(".env")
    await talk(tmp_path, "read:.env", "read:plain.txt", "read:sub/../.env")
    assert all("credentials" in answer["data"]["details"] for answer in answers(tmp_path))


async def test_a_file_that_it_was_allowed_to_edit_is_not_asked_for_again_when_it_is_written(tmp_path: Path) -> None:
    course = Telling([], ["allow once", "deny"])
    made = worker(speaking(tmp_path, "edit:a.txt", "write:a.txt", "write:a.txt"), QUICK)
    await carry_out(made, agent_attempt(tmp_path, own=HERE), course=course)
    assert len(course.asked_for) == 2
    assert (tmp_path / "a.txt").read_text() == "written\n"
    assert "refused" in answers(tmp_path)[2]["data"]["details"]


async def test_where_it_may_only_read_it_writes_nothing(tmp_path: Path) -> None:
    await talk(tmp_path, "write:new.txt", own=COPY)
    assert not (tmp_path / "new.txt").exists()
    assert answers(tmp_path)[0]["data"]["details"] == "it may only read here"


async def test_edits_in_its_own_copy_need_no_rule_and_become_the_diff(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    end = await talk(tmp_path, "edit:a.txt", "write:a.txt", own=COPY, cwd=repo)
    assert isinstance(end, Done)
    assert answers(tmp_path)[0]["outcome"] == {"outcome": "selected", "optionId": "yes"}
    assert "+written" in end.output
    assert (repo / "a.txt").read_text() == "one\ntwo\n"
    assert git(repo, "worktree", "list").count("\n") == 1


@pytest.mark.parametrize(
    ("rules", "given", "why"),
    [
        ((), False, "a rule would allow it: {allow: acp/execute, untrusted: true}"),
        ((Rule("allow", "acp/execute", untrusted=True),), True, "rule 1 of the plan"),
        ((Rule("allow", "acp/execute"),), False, "a rule would allow it"),
        ((Rule("allow", "acp/execute", {"command": "ls*"}, untrusted=True),), False, "a rule would allow it"),
        ((Rule("allow", "acp/*", {"command": "rm *"}, untrusted=True),), True, "rule 1"),
        ((Rule("deny", "acp/*"),), False, "rule 1 of the plan"),
        ((Rule("ask", "acp/*"),), False, "nobody can be asked on the way"),
    ],
)
async def test_what_it_asks_is_decided_by_the_rules(rules: tuple[Rule, ...], given: bool, why: str) -> None:
    leave = await by_rules(rules)("acp/execute", {"title": "x", "command": "rm -rf /"}, False)
    assert leave.given is given
    assert why in leave.why


async def test_what_is_refused_is_answered_and_told(tmp_path: Path) -> None:
    told: list[Any] = []
    rules = (Rule("allow", "acp/fetch"),)
    end = await talk(tmp_path, "execute:x", "fetch:x", told=told, team=Team(rules=rules))
    assert isinstance(end, Done)
    assert [answer["outcome"]["optionId"] for answer in answers(tmp_path)] == ["no", "yes"]
    assert "refused: acp/execute" in texts(told, "reasoning")


@pytest.mark.parametrize(("answer", "given"), [("allow once", "yes"), ("allow always", "yes"), ("deny: not now", "no")])
async def test_what_the_rules_leave_open_a_person_is_asked(tmp_path: Path, answer: str, given: str) -> None:
    course = Telling([], [answer])
    made = worker(speaking(tmp_path, "execute:x"), QUICK)
    end = await carry_out(made, agent_attempt(tmp_path, own=HERE), course=course)
    assert isinstance(end, Done)
    assert [said["outcome"]["optionId"] for said in answers(tmp_path)] == [given]
    (asked,) = course.asked_for
    assert (asked.kind, asked.tool) == ("permission", "acp/execute")
    assert "May opencode-acp call acp/execute?" in asked.question
    assert "acp/execute {" in asked.detail


async def test_leave_for_good_is_asked_for_once() -> None:
    course = Telling([], ["allow always"])
    permit = by_rules((), course.asked)
    assert [(await permit("acp/execute", {"n": n}, False)).given for n in range(3)] == [True] * 3
    assert len(course.asked_for) == 1
    assert not (await permit("acp/delete", {}, False)).given


async def test_in_an_item_of_a_map_nobody_is_asked(tmp_path: Path) -> None:
    course = Telling([], ["allow once"])
    made = worker(speaking(tmp_path, "execute:x"), QUICK)
    await carry_out(made, agent_attempt(tmp_path, own=HERE, may_wait=False), course=course)
    assert course.asked_for == []
    assert answers(tmp_path)[0]["outcome"]["optionId"] == "no"


async def test_an_edit_outside_of_its_copy_is_asked_for(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    await talk(tmp_path, f"edit:{repo}/a.txt", "edit:../../x", own=COPY, cwd=repo)
    assert [answer["outcome"]["optionId"] for answer in answers(tmp_path)] == ["no", "no"]


@pytest.mark.parametrize("call", ["edit:a.txt,/etc/x", "edit:a.txt=/etc/x", "edit:.git", "edit:../x/../../y"])
async def test_all_that_a_call_is_about_has_to_be_in_its_copy(tmp_path: Path, call: str) -> None:
    repo = repository(tmp_path / "repo")
    await talk(tmp_path, call, own=COPY, cwd=repo)
    assert answers(tmp_path)[0]["outcome"]["optionId"] == "no"


async def test_all_locations_have_to_fit_a_rule_whatever_the_arguments_say(tmp_path: Path) -> None:
    rules = (Rule("allow", "acp/edit", {"path": f"{tmp_path}/src/*"}, untrusted=True),)
    good = f"{tmp_path}/src/b"
    words = (f"edit:src/a,{good}", f"edit:{tmp_path}/x={good}", "edit:src/a,/etc/x", "edit:src/../x")
    await talk(tmp_path, *words, team=Team(rules=rules))
    assert [answer["outcome"]["optionId"] for answer in answers(tmp_path)] == ["yes", "no", "no", "no"]


async def test_leave_for_one_call_is_never_taken_for_good(tmp_path: Path) -> None:
    told: list[Any] = []
    await talk(tmp_path, "for-good", "edit:a.txt", told=told, team=Team(rules=(EDITS,)))
    assert answers(tmp_path)[0]["outcome"]["optionId"] == "no"
    assert "no leave for this call alone" in texts(told, "reasoning")


async def test_a_deny_holds_in_its_own_copy_too(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    await talk(tmp_path, "edit:a.txt", own=COPY, cwd=repo, team=Team(rules=(Rule("deny", "acp/edit"),)))
    assert answers(tmp_path)[0]["outcome"]["optionId"] == "no"


async def test_reading_needs_no_rule() -> None:
    permit = by_rules(())
    assert (await permit("acp/read", {}, False)).given
    assert (await permit("acp/fetch", {}, False)).given
    assert not (await permit("acp/other", {}, False)).given
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    assert not (await permit("acp/execute", deep, False)).given


@pytest.mark.parametrize(
    ("does", "kind", "message"),
    [
        ("refuse", ErrorKind.OUTAGE, "opencode-acp: it stopped early: refusal"),
        ("error", ErrorKind.OUTAGE, "opencode-acp: Internal error: quota"),
        (
            "auth",
            ErrorKind.REFUSED,
            "opencode-acp: Authentication required; log in once with `opencode auth login`, or set the provider's key",
        ),
        ("die", ErrorKind.EXIT, "opencode-acp: exit code 3: out of memory"),
    ],
)
async def test_an_end_that_is_no_answer_is_told(tmp_path: Path, does: str, kind: ErrorKind, message: str) -> None:
    end = await talk(tmp_path, does)
    assert isinstance(end, Failed)
    assert (end.error.kind, end.error.message) == (kind, message)
    assert is_gone(tmp_path)


async def test_noise_on_its_output_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    end = await talk(tmp_path, "noise")
    assert isinstance(end, Done)
    assert end.output == "Hello there."


async def test_one_that_does_not_exit_after_its_answer_is_ended_and_succeeded(tmp_path: Path) -> None:
    end = await talk(tmp_path, "stubborn")
    assert isinstance(end, Done)
    assert is_gone(tmp_path)


@pytest.mark.chaos
async def test_silence_ends_it(tmp_path: Path) -> None:
    end = await talk(tmp_path, "hang", patience=Patience(silence_s=1.0, linger_s=0.1, steps=QUICK.steps))
    assert isinstance(end, Failed)
    assert end.error.kind is ErrorKind.TIMEOUT
    assert is_gone(tmp_path)


async def test_cancelling_tells_it_and_then_ends_it(tmp_path: Path) -> None:
    said = asyncio.Event()
    made = worker(speaking(tmp_path, "hang", "stubborn"))
    tried = agent_attempt(tmp_path, own=HERE)
    speaks = Telling(
        [], hear=lambda event: said.set() if isinstance(event, Delta) and event.channel == "output" else None
    )
    task = asyncio.ensure_future(made(tried, speaks))
    await said.wait()
    task.cancel()
    await asyncio.wait({task})
    assert is_gone(tmp_path)


async def test_a_missing_program_is_told(tmp_path: Path) -> None:
    programs = Programs({"opencode": replace(load_programs().get("opencode"), acp=("/nonexistent/opencode", "acp"))})
    end = await carry_out(worker(programs), agent_attempt(tmp_path, own=HERE))
    assert isinstance(end, Failed)
    assert end.error.message == "/nonexistent/opencode: cannot be started: No such file or directory"


async def test_a_missing_extra_is_told_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "acp", None)
    end = await talk(tmp_path)
    assert isinstance(end, Failed)
    assert "pip install 'swarmtui[acp]'" in end.error.message
