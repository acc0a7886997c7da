import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.workers.cli_agents.formats import (
    READERS,
    ClaudeReader,
    CodexReader,
    CopilotReader,
    GeminiReader,
    OpencodeReader,
)
from swarmtui.workers.cli_agents.streams import (
    TEXT_CHARS,
    Lines,
    Outcome,
    Reader,
    Said,
    SessionBegan,
    Totals,
    Trouble,
)
from tests.workers.cli_agents.building import (
    SAYS,
    SESSION,
    as_lines,
    claude_says,
    codex_says,
    copilot_says,
    gemini_says,
    opencode_says,
)

FORMATS = sorted(SAYS)


def read(reader: Reader, events: list[dict[str, Any]], code: int | None = 0) -> tuple[list[object], Outcome]:
    told: list[object] = [event for line in as_lines(events) for event in reader.feed(line)]
    return told, reader.finish(code)


def streamed(told: list[object], channel: str = "output") -> str:
    return "".join(event.text for event in told if isinstance(event, Said) and event.channel == channel)


@pytest.mark.parametrize("format", FORMATS)
def test_a_good_run_succeeds_with_its_last_message(format: str) -> None:
    told, outcome = read(READERS[format](Totals()), SAYS[format]())
    assert outcome.ok
    assert outcome.problem == ""
    assert outcome.text == "Hello there."
    assert SessionBegan(SESSION) in told
    assert streamed(told).endswith("Hello there.")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("code", [1, 130, 143])
def test_a_good_end_is_no_success_with_a_bad_exit_code(format: str, code: int) -> None:
    _, outcome = read(READERS[format](Totals()), SAYS[format](), code)
    assert not outcome.ok
    assert outcome.problem


@pytest.mark.parametrize("format", FORMATS)
def test_exit_code_0_is_no_success_without_a_good_end(format: str) -> None:
    for length in range(len(SAYS[format]())):
        _, outcome = read(READERS[format](Totals()), SAYS[format]()[:length])
        assert not outcome.ok
        assert outcome.problem


@pytest.mark.parametrize("format", FORMATS)
def test_one_that_was_ended_after_its_good_end_succeeded(format: str) -> None:
    _, outcome = read(READERS[format](Totals()), SAYS[format](), None)
    assert outcome.ok


def test_claude_counts_cached_tokens_as_tokens_in() -> None:
    _, outcome = read(ClaudeReader(), claude_says())
    assert outcome.tokens == Totals(20, 7, 4)
    assert (outcome.cost_usd, outcome.calls, outcome.model) == (0.25, 1, "claude-x")


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        ({"is_error": True, "result": "API Error: Connection refused"}, "API Error: Connection refused"),
        ({"subtype": "error_during_execution", "is_error": True, "result": None}, "error_during_execution"),
        ({"subtype": "error_max_turns", "result": None}, "error_max_turns"),
        ({"subtype": "error_during_execution", "errors": ["No conversation found"]}, "No conversation found"),
        ({"is_error": None}, "Hello there."),
    ],
)
def test_claude_fails_with_exit_code_0_when_its_result_says_so(result: dict[str, Any], problem: str) -> None:
    _, outcome = read(ClaudeReader(), claude_says(**result))
    assert not outcome.ok
    assert outcome.problem == problem
    assert outcome.ended


def test_claude_tells_text_once_whether_it_streams_or_not() -> None:
    whole = [event for event in claude_says() if event["type"] != "stream_event"]
    assert (
        streamed(read(ClaudeReader(), whole)[0]) == streamed(read(ClaudeReader(), claude_says())[0]) == "Hello there."
    )


def test_what_a_subagent_of_claude_says_is_not_its_answer() -> None:
    below = {"type": "stream_event", "parent_tool_use_id": "t1", "event": {"delta": {"text": "mumble"}}}
    whole = {"type": "assistant", "parent_tool_use_id": "t1", "message": {"content": [{"type": "text", "text": "no"}]}}
    events = claude_says()
    told, outcome = read(ClaudeReader(), [*events[:2], below, whole, *events[2:]])
    assert streamed(told) == outcome.text == "Hello there."


def test_tools_are_told_in_a_line_each() -> None:
    use = {"type": "tool_use", "name": "Bash", "input": {"command": "pytest\n-q", "n": {"deep": 1}}}
    failed = {"type": "tool_result", "is_error": True, "content": [{"type": "text", "text": "no such file"}]}
    told, outcome = read(
        ClaudeReader(),
        [{"type": "assistant", "message": {"content": [use]}}, {"type": "user", "message": {"content": [failed]}}],
    )
    assert streamed(told, "reasoning") == "· Bash: pytest -q\n· failed: no such file\n"
    assert outcome.acted


def test_claude_that_waits_for_its_provider_gives_no_sign_of_getting_on() -> None:
    retry = json.dumps({"type": "system", "subtype": "api_retry", "attempt": 3, "error": "overloaded"})
    assert ClaudeReader().feed(retry) == [Trouble("overloaded")]


def test_codex_counts_its_whole_thread_and_we_count_this_run() -> None:
    _, first = read(CodexReader(), codex_says())
    assert first.tokens == first.totals == Totals(100, 7, 40)
    usage = {"input_tokens": 200, "cached_input_tokens": 50, "output_tokens": 14}
    _, second = read(CodexReader(first.totals), codex_says(usage=usage))
    assert second.tokens == Totals(100, 7, 10)
    assert second.totals == Totals(200, 14, 50)


def test_codex_that_began_another_thread_has_nothing_taken_off() -> None:
    _, outcome = read(CodexReader(Totals(1000, 70, 40)), codex_says())
    assert outcome.tokens == Totals(100, 7, 40)


def test_codex_gets_over_errors_that_it_tells_on_the_way() -> None:
    error = {"type": "error", "message": "Reconnecting... 1/5"}
    told, outcome = read(CodexReader(), [codex_says()[0], error, *codex_says()[2:]])
    assert Trouble("Reconnecting... 1/5") in told
    assert outcome.ok


def test_codex_that_failed_says_why() -> None:
    events = [*codex_says()[:-1], {"type": "turn.failed", "error": {"message": "stream disconnected"}}]
    _, outcome = read(CodexReader(), events)
    assert (outcome.ok, outcome.problem, outcome.ended) == (False, "stream disconnected", True)


def test_gemini_tells_tokens_and_its_error() -> None:
    assert read(GeminiReader(), gemini_says())[1].tokens == Totals(11, 7, 3)
    bad = {"type": "result", "status": "error", "error": {"type": "x", "message": "quota"}}
    _, outcome = read(GeminiReader(), [*gemini_says()[:-1], bad])
    assert (outcome.ok, outcome.problem) == (False, "quota")


def test_messages_of_one_run_are_set_apart_and_the_last_one_is_the_answer() -> None:
    told, outcome = read(GeminiReader(), gemini_says())
    assert streamed(told) == "I look.\n\nHello there."
    assert outcome.text == "Hello there."


def test_opencode_adds_up_its_steps() -> None:
    _, outcome = read(OpencodeReader(), opencode_says())
    assert outcome.tokens == Totals(28, 14, 6)
    assert outcome.cost_usd == pytest.approx(0.03)
    assert outcome.calls == 2


def test_a_good_end_is_none_when_another_step_began_after_it() -> None:
    _, outcome = read(OpencodeReader(), [*opencode_says(), {"type": "step_start", "part": {}}])
    assert (outcome.ok, outcome.problem) == (False, "it said more after its end")


@pytest.mark.parametrize("reason", ["length", "content-filter", "unknown", None])
def test_opencode_fails_when_its_model_stopped_early(reason: str | None) -> None:
    events = [*opencode_says()[:-1], {"type": "step_finish", "part": {"reason": reason}}]
    _, outcome = read(OpencodeReader(), events)
    assert not outcome.ok
    assert "stopped early" in outcome.problem


def test_opencode_fails_on_an_error_whatever_comes_after_it() -> None:
    error = {"type": "error", "error": {"name": "APIError", "data": {"message": "no credit", "statusCode": 402}}}
    _, outcome = read(OpencodeReader(), [error, *opencode_says()])
    assert (outcome.ok, outcome.problem, outcome.status) == (False, "no credit", 402)


def test_copilot_fails_by_the_exit_code_that_it_tells() -> None:
    _, outcome = read(CopilotReader(), [*copilot_says()[:-1], {"type": "result", "exitCode": 1}])
    assert not outcome.ok
    assert read(CopilotReader(), [*copilot_says()[:-1], {"type": "result", "exitCode": False}])[1].ok is False


def test_plain_text_is_the_answer_and_its_exit_code_decides() -> None:
    reader = READERS["text"](Totals())
    assert reader.feed("a") == [Said("a\n")]
    assert reader.feed('{"type": "result"}') == [Said('{"type": "result"}\n')]
    assert reader.finish(0) == Outcome(ok=True, text='a\n{"type": "result"}\n', ended=True)
    assert not reader.finish(3).ok
    assert not reader.finish(None).ok


@pytest.mark.parametrize("id", ["-rf", "--yolo", "a b", "a\nb", "", "x" * 300, 7, None, "ünicode", "../../x"])
def test_an_id_that_could_be_anything_else_is_no_session(id: object) -> None:
    assert ClaudeReader().feed(json.dumps({"type": "system", "session_id": id})) == []


def test_an_answer_beyond_all_bounds_is_cut_and_said_to_be() -> None:
    reader = GeminiReader()
    line = json.dumps({"type": "message", "role": "assistant", "content": "x" * (1 << 20)})
    for _ in range(12):
        reader.feed(line)
    reader.feed(json.dumps({"type": "result", "status": "success"}))
    outcome = reader.finish(0)
    assert outcome.ok
    assert outcome.cut
    assert len(outcome.text) == TEXT_CHARS


# -- hostile lines --------------------------------------------------------------------------------------------

_KEYS = sorted(
    {
        *("type", "event", "delta", "text", "message", "content", "item", "part", "state", "status", "usage", "tokens"),
        *("cache", "read", "write", "input", "output", "reasoning", "cost", "session_id", "sessionID", "thread_id"),
        *("result", "is_error", "subtype", "errors", "stats", "role", "data", "exitCode", "toolName", "arguments"),
        *("error", "reason", "tool", "changes", "total_cost_usd", "num_turns", "api_error_status", "model", "path"),
        *("input_tokens", "output_tokens", "cache_read_input_tokens", "name", "deltaContent", "inputTokens"),
    }
)
_TYPES = sorted({event["type"] for says in SAYS.values() for event in says()} | {"user", "error", "turn.failed"})
_leaf = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from([*_TYPES, "success", "stop", "tool_use", "text_delta", "agent_message", "\ud800", "-x", "\x1b[2J"]),
    st.text(max_size=8),
)
_value = st.recursive(
    _leaf,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=12,
)
_event = st.builds(
    lambda kind, rest: {**rest, "type": kind},
    st.sampled_from(_TYPES),
    st.dictionaries(st.sampled_from(_KEYS), _value, max_size=5),
)
_line = st.one_of(_event.map(json.dumps), _value.map(json.dumps), st.text(max_size=40))


_stream = st.tuples(st.sampled_from(sorted(READERS)), st.lists(_line, max_size=8), st.none() | st.integers(0, 255))


@settings(max_examples=50)
@given(_stream)
def test_whatever_is_said_there_is_an_end_and_it_can_be_written(stream: tuple[str, list[str], int | None]) -> None:
    check_stream(*stream)


@pytest.mark.chaos
@pytest.mark.timeout(900)
@settings(max_examples=10_000)
@given(_stream)
def test_the_same_for_ten_thousand_streams(stream: tuple[str, list[str], int | None]) -> None:
    check_stream(*stream)


def check_stream(format: str, lines: list[str], code: int | None) -> None:
    reader = READERS[format](Totals())
    for line in lines:
        for event in reader.feed(line):
            if isinstance(event, Said | Trouble):
                assert format == "text" or event.text.encode("utf-8") is not None
    outcome = reader.finish(code)
    assert outcome.ok or outcome.problem
    assert not outcome.ok or code in (0, None)
    for count in (outcome.tokens.tokens_in, outcome.tokens.tokens_out, outcome.tokens.tokens_cached):
        assert count is None or count >= 0
    assert outcome.cost_usd is None or 0 <= outcome.cost_usd < 1e9


@settings(max_examples=50)
@given(st.sampled_from(FORMATS), st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_stream_that_is_cut_or_lacks_a_part_makes_no_reader_raise(format: str, start: int, length: int) -> None:
    whole = "\n".join(as_lines(SAYS[format]()))
    reader = READERS[format](Totals())
    for line in (whole[: start % len(whole)] + whole[(start + length) % len(whole) :]).split("\n"):
        reader.feed(line)
    outcome = reader.finish(0)
    assert outcome.ok or outcome.problem


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "line",
    [
        "[" * 200_000,
        '{"type":' * 50_000,
        '{"type": "result", "x": ' + "[" * 900 + "]" * 900 + "}",
        '{"type": "tool_use", "parameters": ' + '{"a":' * 900 + "1" + "}" * 901,
        '{"n": ' + "9" * 10_000 + "}",
        '{"type": "result", "total_cost_usd": 1e999, "usage": {"input_tokens": -5}}',
        "\x00",
        "null",
    ],
)
def test_lines_meant_to_break_a_parser_are_passed_over(format: str, line: str) -> None:
    reader = READERS[format](Totals())
    reader.feed(line)
    assert not reader.finish(0).ok


# -- lines ----------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.binary(max_size=200), st.lists(st.integers(1, 50), max_size=20))
def test_lines_are_the_same_however_the_bytes_are_cut(data: bytes, cuts: list[int]) -> None:
    lines, found, rest = Lines(), [], data
    for cut in cuts:
        found += lines.feed(rest[:cut])
        rest = rest[cut:]
    found += lines.feed(rest)
    found += lines.flush()
    assert found == [line.decode("utf-8", "replace").removesuffix("\r") for line in data.split(b"\n")]


def test_a_line_that_is_too_long_is_left_out_and_the_next_one_is_not() -> None:
    lines = Lines(limit=10)
    assert lines.feed(b"123456") == []
    assert lines.feed(b"7890123\nnext\n") == ["next"]
    assert lines.dropped == 1
