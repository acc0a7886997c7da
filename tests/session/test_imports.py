"""Recordings of DeerFlow and SwarmFlight as sessions: what they come to, and what a bad file cannot do."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.session import fold
from swarmtui.session.events import AttemptFailed, Event, Noted, QuestionAnswered
from swarmtui.session.folder import SessionFolder
from swarmtui.session.imports import imported_from
from swarmtui.session.imports.deerflow_sse import read_deerflow
from swarmtui.session.imports.foreign import SOURCE, Recording, names, write
from swarmtui.session.imports.kinds import Kind, recognise
from swarmtui.session.imports.lines import BadInput
from swarmtui.session.imports.swarmflight import read_checkpoint, read_trace
from swarmtui.session.reader import Reader
from swarmtui.session.rows import GENESIS, make_row, row_to_event
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State, Status
from tests.session.recordings import checkpoint, deerflow_chat, said, sse, trace, trace_line

READ = {Kind.DEERFLOW: read_deerflow, Kind.TRACE: read_trace, Kind.CHECKPOINT: read_checkpoint}


def made(tmp_path: Path, text: str | bytes) -> tuple[Recording, SessionState, list[Event]]:
    """What a file with `text` comes to."""
    path = tmp_path / "recorded.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    recording = READ[recognise(path).kind](path)
    folder = SessionFolder(tmp_path / "session")
    folder.path.mkdir()
    write(recording, path, folder, "test")
    assert (folder.path / SOURCE).read_bytes() == path.read_bytes()
    with Reader(folder.db) as reader:
        reader.verify()
        return recording, reader.state(), [row_to_event(row) for row in reader.rows()]


def folded(tmp_path: Path, text: str, read: Callable[[Path], Recording]) -> tuple[int, int] | str:
    """Read and fold a file, and nothing more: each event as the file would have it.

    How many events there are and how many were folded in; or why it is refused.
    """
    path = tmp_path / "recorded.txt"
    path.write_text(text)
    try:
        recording, state, before = read(path), fold.empty(), GENESIS
    except BadInput as refused:
        return str(refused)
    recording.events.sort(key=lambda dated: dated.at)
    for seq, dated in enumerate(recording.events, 1):
        row = make_row(Event(seq, recording.began + dated.at, dated.at, dated.body), before)
        before = row.hash
        fold.apply(state, row_to_event(row))
    return len(recording.events), state.seq


def lines(values: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(value)}\n" for value in values)


def output(node: NodeState) -> str:
    assert node.output is not None
    return node.output.text


# -- DeerFlow -------------------------------------------------------------------------------------------------


def test_a_deerflow_chat_is_a_chain_of_its_agents_with_the_plans_steps_and_the_review_as_a_question(
    tmp_path: Path,
) -> None:
    recording, state, events = made(tmp_path, sse(*deerflow_chat()))
    assert recording.problems.total == 0
    assert state.status is Status.SUCCEEDED
    assert state.goal == "How tall is it?"
    chain = ["coordinator", "planner", "review", "Find_the_height", "Double_it", "reporter"]
    assert list(state.nodes) == chain
    assert [state.plan_nodes[name].needs for name in chain[1:]] == [(name,) for name in chain[:-1]]
    assert all(node.state is State.SUCCEEDED for node in state.nodes.values())
    assert output(state.nodes["Find_the_height"]) == "It is 330 m tall."
    assert output(state.nodes["reporter"]) == "# The tower\n330 m, twice 660 m."
    assert state.nodes["Find_the_height"].tool_calls == 1
    answers = [event.body for event in events if isinstance(event.body, QuestionAnswered)]
    assert [answer.answer for answer in answers] == ["Start research"]
    assert state.spent.unpriced  # what the models cost is unknown, and not nothing


def test_a_tools_result_takes_its_time_and_chunks_take_50_ms(tmp_path: Path) -> None:
    _, state, _ = made(tmp_path, sse(*deerflow_chat()))
    assert state.mono == pytest.approx(13 * 0.05 + 0.5 + 0.8)
    searching = state.nodes["Find_the_height"]
    assert searching.started_mono is not None
    assert searching.ended_mono is not None
    assert searching.ended_mono - searching.started_mono == pytest.approx(3 * 0.05 + 0.5 + 0.8)


def test_two_steps_of_one_agent_are_two_nodes_and_its_messages_within_a_step_are_one(tmp_path: Path) -> None:
    chat = deerflow_chat()
    second = [said("researcher", "r4", "On to the next."), said("researcher", "r5", "Twice that.", stop=True)]
    _, state, _ = made(tmp_path, sse(*chat[:11], *second, *chat[12:]))
    assert list(state.nodes)[3:] == ["Find_the_height", "Double_it", "reporter"]
    assert output(state.nodes["Double_it"]) == "Twice that."


def test_a_plan_that_was_sent_back_is_planned_anew_and_its_steps_were_never_there(tmp_path: Path) -> None:
    chat = deerflow_chat()
    plan, interrupt = chat[4:6], chat[6]
    again = [said("planner", "p2", plan[0][1]["content"] + plan[1][1]["content"], stop=True)]
    _, state, events = made(tmp_path, sse(*chat[:7], *again, interrupt, *chat[7:]))
    assert list(state.nodes)[1:5] == ["planner", "review", "planner_2", "review_2"]
    answers = [event.body.answer for event in events if isinstance(event.body, QuestionAnswered)]
    assert answers == ["Edit plan", "Start research"]
    assert sum("Find_the_height" in name for name in state.nodes) == 1


def test_a_step_that_nobody_took_up_is_skipped_and_a_chat_that_stops_short_has_not_ended(tmp_path: Path) -> None:
    chat = deerflow_chat()
    _, state, _ = made(tmp_path, sse(*chat[:11], *chat[12:13]))  # no coder, and the report is cut
    assert state.nodes["Double_it"].state is State.SKIPPED
    assert state.nodes["reporter"].state not in (State.SUCCEEDED, State.RUNNING)
    assert state.status is Status.PAUSED
    assert state.reason == "the recording ends here"


@pytest.mark.parametrize(("reason", "status"), [("cancelled", Status.CANCELLED), ("", Status.FAILED)])
def test_an_error_ends_the_session_as_it_ended_the_chat(tmp_path: Path, reason: str, status: Status) -> None:
    error = ("error", {"thread_id": "t", "reason": reason, "error": "the model went away"})
    _, state, _ = made(tmp_path, sse(*deerflow_chat()[:9], error))
    assert state.status is status


def test_every_malformed_line_is_told_with_its_number_and_the_rest_is_there(tmp_path: Path) -> None:
    blocks = [sse(block) for block in deerflow_chat()]
    blocks[1:1] = ["event: message_chunk\ndata: {broken\n\n", "nonsense here\n\n", "event: unheard\ndata: {}\n\n"]
    text = "".join(blocks).encode() + b"data: \xff\xfe\n\n"
    recording, state, events = made(tmp_path, text)
    told = recording.problems.lines()
    for number, word in ((4, "no JSON"), (7, "no line of a stream"), (9, "unheard")):
        assert any(f"recorded.txt:{number}: " in line and word in line for line in told), told
    assert any("no UTF-8" in line for line in told)
    assert recording.problems.total == 4
    assert state.status is Status.SUCCEEDED
    noted = [event.body.message for event in events if isinstance(event.body, Noted) and event.body.level == "warning"]
    assert len(noted) == 4


# -- SwarmFlight ----------------------------------------------------------------------------------------------


def test_a_trace_gives_tasks_tries_ends_and_times_as_it_tells_them(tmp_path: Path) -> None:
    recording, state, events = made(tmp_path, lines(trace()))
    assert recording.problems.total == 0
    assert state.status is Status.FAILED
    again = [event.body.retry_in_s for event in events if isinstance(event.body, AttemptFailed)]
    assert again == [1.0, None]
    ends = {name: node.state for name, node in state.nodes.items()}
    assert ends == {
        "find": State.SUCCEEDED,
        "flaky": State.SUCCEEDED,
        "break": State.FAILED,
        "end": State.SKIPPED,
    }
    assert state.nodes["flaky"].attempts == 2
    assert state.nodes["end"].cause == "break"
    assert state.plan_nodes["end"].needs == ("break", "flaky")
    assert (state.nodes["find"].started_mono, state.nodes["find"].ended_mono) == (1.0, 3.0)
    assert json.loads(output(state.nodes["find"])) == {"files": 3}
    assert state.nodes["break"].error is not None
    assert state.nodes["break"].error.message == "it is broken"
    assert state.created_ts == 1772359200.0


def test_a_trace_without_the_needs_says_that_its_graph_lacks_them(tmp_path: Path) -> None:
    told = [trace_line(0, "task_submitted", "a", dependency_count=2), trace_line(1, "task_attempt", "a", ok=True)]
    recording, state, _ = made(tmp_path, lines(told))
    assert any("what 1 of its tasks needed" in remark for remark in recording.remarks)
    assert state.nodes["a"].state is State.SUCCEEDED
    assert state.status is Status.PAUSED  # nothing says that it was the end


def test_bad_lines_of_a_trace_are_told_and_cost_nothing_else(tmp_path: Path) -> None:
    good = [json.dumps(line) for line in trace()]
    bad = {
        3: "{",
        6: json.dumps({"timestamp": "yesterday", "kind": "tick_completed", "data": {}}),
        9: json.dumps(trace_line(2, "task_terminal", "flaky", status="exploded")),
        12: json.dumps([1]),
        15: "[" * 100_000,
    }
    for at, line in bad.items():
        good.insert(at - 1, line)
    recording, state, _ = made(tmp_path, "\n".join(good))
    told = recording.problems.lines()
    assert [line.split(":")[1] for line in told] == ["3", "6", "9", "12", "15"]
    assert state.nodes["flaky"].state is State.SUCCEEDED


def test_a_checkpoint_in_the_middle_of_a_run_is_a_session_that_has_not_ended(tmp_path: Path) -> None:
    recording, state, _ = made(tmp_path, json.dumps(checkpoint(), indent=2))
    assert recording.problems.total == 0
    assert state.status is Status.PAUSED
    assert state.nodes["a"].attempts == 2
    assert state.nodes["a"].state is State.SUCCEEDED
    assert (state.nodes["a"].started_mono, state.nodes["a"].ended_mono) == (6.0, 10.0)
    assert state.nodes["b"].state is State.READY
    assert state.nodes["c"].state is State.WAITING
    assert state.plan_nodes["c"].needs == ("a", "b")
    assert imported_from(tmp_path / "session" / "session.db") is not None


def test_tasks_that_need_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    told = checkpoint()
    told["tasks"]["a"]["dependencies"] = ["c"]
    path = tmp_path / "c.json"
    path.write_text(json.dumps(told))
    with pytest.raises(BadInput, match=r"in a circle: .*a -> "):
        read_checkpoint(path)


# -- any file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"hello", b"\x00" * 999, b"{}", b'{"a": 1}', b"[" * 99_999, b"SQLite format 3\0..."]
)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(BadInput) as refused:
        recognise(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


@settings(max_examples=25)
@given(st.lists(st.text(max_size=70), max_size=12))
def test_names_of_nodes_are_plain_and_unique_whatever_they_were(theirs: list[str]) -> None:
    ours = names(theirs)
    assert ours.keys() == set(theirs)
    assert len({name.lower() for name in ours.values()}) == len(ours)
    assert all(name.isascii() and name[0].isalpha() and name.replace("_", "a").isalnum() for name in ours.values())
    assert all(len(name) <= 64 for name in ours.values())


def test_what_of_a_trace_or_checkpoint_has_no_counterpart_is_named_with_how_often_it_is_there(tmp_path: Path) -> None:
    told = [*trace(), trace_line(9, "worker_registered"), trace_line(9, "moon_landed"), trace_line(9, "moon_landed")]
    recording, _, events = made(tmp_path, lines(told))
    (passed,) = [one for one in recording.remarks if "nothing like it" in one]
    (unknown,) = [one for one in recording.remarks if "no known kind" in one]
    assert set(passed.partition(": ")[2].split(", ")) == {
        "worker_registered (2)",
        "policy_action (1)",
        "task_retrying (1)",
        "tick_completed (1)",
    }
    assert unknown.endswith(": moon_landed (2)")
    noted = [event.body.message for event in events if isinstance(event.body, Noted)]
    assert {passed, unknown} <= set(noted)


def test_what_of_a_checkpoint_has_no_counterpart_is_named(tmp_path: Path) -> None:
    recording, _, _ = made(tmp_path, json.dumps({**checkpoint(), "scheduler_cursor": 1, "metadata": {}}))
    (passed,) = [one for one in recording.remarks if "nothing like it" in one]
    for name in ("scheduler_cursor (1)", "metadata (1)", "tick_count (1)", "ready_queue (1)", "a task's payload (3)"):
        assert name in passed
    assert "attempts" not in passed


def test_a_field_of_a_chat_that_nothing_is_known_of_is_named_and_however_many_there_are_the_line_is_short(
    tmp_path: Path,
) -> None:
    chat = [(kind, {**data, "mood": 1}) for kind, data in deerflow_chat()]
    chat[0][1].update({f"odd{number}" + "x" * 99: 1 for number in range(500)})
    recording, _, _ = made(tmp_path, sse(*chat))
    (passed,) = [one for one in recording.remarks if "no known meaning" in one]
    assert f"mood ({len(chat)})" in passed or "others (" in passed
    assert len(passed) < 2_000
    assert read_deerflow_remarks(tmp_path, sse(*deerflow_chat())) == 1


def read_deerflow_remarks(tmp_path: Path, text: str) -> int:
    """How many remarks there are on a chat with nothing odd in it."""
    path = tmp_path / "plain.txt"
    path.write_text(text)
    return len(read_deerflow(path).remarks)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_file_is_not_unpacked_however_much_it_would_come_to(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "bomb.jsonl"
    path.write_bytes(pack(b'{"a": 1}\n' * 100_000))
    with pytest.raises(BadInput, match=r"bomb\.jsonl: is packed \(\w+\): unpack it"):
        recognise(path)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["completed", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["kind", "task_id", "data", "timestamp"]), _VALUES)))
def test_a_trace_with_anything_in_it_is_read_or_refused_and_never_breaks(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, str, Any]]
) -> None:
    told = trace()
    for at, name, value in changes:
        told[at % len(told)][name] = value
    found = folded(tmp_path_factory.mktemp("trace"), lines(told), read_trace)
    assert "recorded.txt" in found if isinstance(found, str) else found[0] == found[1] > 0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 30),
            st.sampled_from(["agent", "id", "content", "finish_reason", "tool_calls", "tool_call_chunks", "options"]),
            _VALUES,
        )
    ),
    st.permutations(range(14)),
)
def test_a_chat_with_anything_in_it_is_read_or_refused_and_never_breaks(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, str, Any]], order: list[int]
) -> None:
    chat = [(kind, dict(data)) for kind, data in deerflow_chat()]
    for at, name, value in changes:
        chat[at % len(chat)][1][name] = value
    if len(changes) % 2:
        chat = [chat[at] for at in order]
    found = folded(tmp_path_factory.mktemp("chat"), sse(*chat), read_deerflow)
    assert "recorded.txt" in found if isinstance(found, str) else found[0] == found[1] > 0
