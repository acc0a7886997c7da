"""The formats in which programs that are agents tell what they do, one reader each; see :mod:`.streams`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from swarmtui.safety.text import one_line
from swarmtui.workers.cli_agents.streams import Event, Outcome, Reader, Totals, Trouble, Words, step
from swarmtui.workers.cli_agents.values import at, blocks_of, count_of, flat, money_of, text_of


class TextReader(Reader):
    """Plain text: all of it is the answer, and exit code 0 is success."""

    def feed(self, line: str) -> list[Event]:
        """The line is text."""
        return self._say(f"{line}\n")

    def finish(self, exit_code: int | None) -> Outcome:
        """Decided by the exit code alone."""
        self._end(good=True)
        return super().finish(1 if exit_code is None else exit_code)


class ClaudeReader(Reader):
    """``claude -p --output-format stream-json --include-partial-messages``."""

    _streamed = False

    def _take(self, event: dict[str, Any]) -> list[Event]:
        match event.get("type"):
            case "system":
                self._model = text_of(event.get("model")) or self._model
                if event.get("subtype") == "api_retry":
                    self._trouble = text_of(event.get("error")) or "the provider does not answer"
                    return [Trouble(self._trouble)]
                return self._begin(event.get("session_id"))
            case "stream_event":
                return self._part(event)
            case "assistant":
                return self._message(event)
            case "user":
                return [
                    step("failed", flat(block.get("content")))
                    for block in blocks_of(event)
                    if block.get("type") == "tool_result" and block.get("is_error") is True
                ]
            case "result":
                return self._result(event)
        return []

    def _part(self, event: dict[str, Any]) -> list[Event]:
        if event.get("parent_tool_use_id"):
            return []
        if at(event, "event", "type") == "message_start":
            self._words.turn()
            self._streamed = False
        delta = at(event, "event", "delta")
        if at(delta, "type") == "thinking_delta":
            return self._say(at(delta, "thinking"), "reasoning")
        self._streamed = self._streamed or at(delta, "type") == "text_delta"
        return self._say(at(delta, "text"))

    def _message(self, event: dict[str, Any]) -> list[Event]:
        told: list[Event] = []
        below = bool(event.get("parent_tool_use_id"))
        for block in blocks_of(event):
            if block.get("type") == "tool_use":
                told += self._act(block.get("name"), block.get("input"))
            elif block.get("type") == "text" and not below and not self._streamed:
                told += self._say(block.get("text"))
        return told

    def _result(self, event: dict[str, Any]) -> list[Event]:
        usage = event.get("usage")
        cached, written = count_of(at(usage, "cache_read_input_tokens")), at(usage, "cache_creation_input_tokens")
        fresh = count_of(at(usage, "input_tokens"))
        self._totals = Totals(
            None if fresh is None else fresh + (cached or 0) + (count_of(written) or 0),
            count_of(at(usage, "output_tokens")),
            cached,
        )
        self._cost, self._calls = money_of(event.get("total_cost_usd")), count_of(event.get("num_turns"))
        self._status = count_of(event.get("api_error_status"))
        subtype, errors = text_of(event.get("subtype")), event.get("errors")
        good = subtype == "success" and event.get("is_error") is False
        answer = text_of(event.get("result"))
        if good and answer:
            self._words = Words()
            self._words.add(answer)
        listed = "; ".join(map(text_of, errors)) if isinstance(errors, list) else ""
        return [*self._begin(event.get("session_id")), *self._end(good=good, error=listed or answer or subtype)]


class CodexReader(Reader):
    """``codex exec --json``: whole items only, and usage as the running total of the thread."""

    def finish(self, exit_code: int | None) -> Outcome:
        """Tokens are those since the session's earlier runs."""
        outcome = super().finish(exit_code)
        return replace(outcome, tokens=self._totals.since(self._before))

    def _take(self, event: dict[str, Any]) -> list[Event]:
        match event.get("type"):
            case "thread.started":
                return self._begin(event.get("thread_id"))
            case "turn.started":
                self.ended = False
            case "item.started" | "item.completed":
                return self._item(event, done=event["type"] == "item.completed")
            case "turn.completed":
                usage = event.get("usage")
                self._totals = Totals(
                    count_of(at(usage, "input_tokens")),
                    count_of(at(usage, "output_tokens")),
                    count_of(at(usage, "cached_input_tokens")),
                )
                return self._end(good=True)
            case "turn.failed":
                return self._end(good=False, error=text_of(at(event, "error", "message")) or "the turn failed")
            case "error":
                self._trouble = text_of(event.get("message"))
                return [Trouble(self._trouble)]
        return []

    def _item(self, event: dict[str, Any], *, done: bool) -> list[Event]:
        item = event.get("item")
        kind = at(item, "type")
        if kind == "agent_message" and done:
            self._words.turn()
            return self._say(at(item, "text"))
        if kind == "reasoning" and done:
            return self._say(text_of(at(item, "text")) + "\n", "reasoning")
        if kind == "error" and done:
            self._trouble = text_of(at(item, "message"))
            return [Trouble(self._trouble)]
        if kind in ("command_execution", "mcp_tool_call", "web_search", "file_change"):
            what = at(item, "command") or at(item, "tool") or at(item, "query") or at(item, "changes")
            failed = done and at(item, "status") == "failed"
            if failed:
                return [step("failed", what)]
            return self._act(kind, what) if not done or kind == "file_change" else []
        return []


class GeminiReader(Reader):
    """``gemini -o stream-json``."""

    def _take(self, event: dict[str, Any]) -> list[Event]:
        match event.get("type"):
            case "init":
                self._model = text_of(event.get("model")) or None
                return self._begin(event.get("session_id"))
            case "message" if event.get("role") == "assistant":
                self.ended = False
                return self._say(event.get("content"))
            case "tool_use":
                return self._act(event.get("tool_name"), event.get("parameters"))
            case "tool_result" if event.get("status") == "error":
                return [step("failed", at(event, "error", "message") or event.get("output"))]
            case "error":
                self._trouble = text_of(event.get("message"))
                return [Trouble(self._trouble)]
            case "result":
                return self._result(event)
        return []

    def _result(self, event: dict[str, Any]) -> list[Event]:
        stats = event.get("stats")
        self._totals = Totals(
            count_of(at(stats, "input_tokens")), count_of(at(stats, "output_tokens")), count_of(at(stats, "cached"))
        )
        error = text_of(at(event, "error", "message")) or text_of(event.get("status"))
        return self._end(good=event.get("status") == "success" and not event.get("error"), error=error)


class OpencodeReader(Reader):
    """``opencode run --format json``: a text part comes whole, at its end."""

    def _take(self, event: dict[str, Any]) -> list[Event]:
        part = event.get("part")
        told = self._begin(event.get("sessionID"))
        match event.get("type"):
            case "step_start":
                self.ended = False
                self._words.turn()
            case "text":
                told += self._say(at(part, "text"))
            case "reasoning":
                told += self._say(text_of(at(part, "text")) + "\n", "reasoning")
            case "tool_use":
                state = at(part, "state")
                failed = at(state, "status") == "error"
                told += self._act(at(part, "tool"), at(state, "error") if failed else at(state, "input"))
            case "step_finish":
                self._step_finished(part)
            case "error":
                self.ended, self._good = True, False
                message = at(event, "error", "data", "message") or at(event, "error", "message")
                self._status = count_of(at(event, "error", "data", "statusCode"))
                self._error = text_of(message) or text_of(at(event, "error", "name")) or "it told of an error"
        return told

    def _step_finished(self, part: object) -> None:
        tokens = at(part, "tokens")
        cached, written = count_of(at(tokens, "cache", "read")), count_of(at(tokens, "cache", "write"))
        fresh, out = count_of(at(tokens, "input")), count_of(at(tokens, "output"))
        self._totals += Totals(
            None if fresh is None else fresh + (cached or 0) + (written or 0),
            None if out is None else out + (count_of(at(tokens, "reasoning")) or 0),
            cached,
        )
        self._calls = (self._calls or 0) + 1
        cost = money_of(at(part, "cost"))
        if cost is not None:
            self._cost = (self._cost or 0.0) + cost
        reason = text_of(at(part, "reason"))
        if reason != "tool-calls" and not self._error:
            self._end(good=reason == "stop", error=f"the model stopped early: {reason or 'no reason given'}")


class CopilotReader(Reader):
    """``copilot --output-format json``."""

    _streamed = False

    def _take(self, event: dict[str, Any]) -> list[Event]:
        data = event.get("data")
        match event.get("type"):
            case "session.start":
                return self._begin(at(data, "sessionId"))
            case "assistant.message_start":
                self._words.turn()
                self._streamed = False
            case "assistant.message_delta":
                self._streamed = True
                return self._say(at(data, "deltaContent"))
            case "assistant.reasoning_delta":
                return self._say(at(data, "deltaContent"), "reasoning")
            case "assistant.message":
                self._model = text_of(at(data, "model")) or self._model
                self._calls = (self._calls or 0) + 1
                return [] if self._streamed else self._say(at(data, "content"))
            case "assistant.usage":
                cached = count_of(at(data, "cacheReadTokens"))
                self._totals += Totals(count_of(at(data, "inputTokens")), count_of(at(data, "outputTokens")), cached)
            case "tool.execution_start":
                return self._act(at(data, "toolName"), at(data, "arguments"))
            case "tool.execution_complete" if at(data, "success") is False:
                return [step("failed", at(data, "error", "message"))]
            case "session.error":
                self._trouble = text_of(at(data, "message"))
                self._status = count_of(at(data, "statusCode"))
                return [Trouble(self._trouble)]
            case "result":
                code = event.get("exitCode")
                good = isinstance(code, int) and not isinstance(code, bool) and code == 0
                told = self._begin(event.get("sessionId"))
                return [*told, *self._end(good=good, error=self._trouble or f"it ended with {one_line(str(code), 40)}")]
        return []


class AcpReader(Reader):
    """What a program tells by the Agent Client Protocol, call by call instead of line by line."""

    def said(self, text: object, *, aloud: bool) -> list[Event]:
        """A piece of its message, or of what it thinks."""
        return self._say(text, "output" if aloud else "reasoning")

    def acted(self, title: object, detail: object = None) -> list[Event]:
        """It uses a tool."""
        return self._act(title, detail)

    def failed(self, what: object) -> list[Event]:
        """A tool did not work."""
        return [step("failed", what)]

    def cost(self, amount: object) -> None:
        """What the session cost by now, in US dollars."""
        self._cost = money_of(amount)

    def stopped(self, reason: str, usage: object, quota: object) -> None:
        """It has answered: `usage` of the protocol, or `quota` as gemini tells it, as plain values."""
        count = at(quota, "token_count")
        self._totals = Totals(
            count_of(at(usage, "input_tokens") if usage else at(count, "input_tokens")),
            count_of(at(usage, "output_tokens") if usage else at(count, "output_tokens")),
            count_of(at(usage, "cached_read_tokens")),
        )
        self._end(good=reason == "end_turn", error=f"it stopped early: {reason.replace('_', ' ')}")

    def broke(self, why: str) -> None:
        """It told of an error instead of an answer."""
        self._end(good=False, error=why)

    def finish(self, exit_code: int | None) -> Outcome:
        """Once it has answered, how the process ends says nothing: it would wait for the next task."""
        return super().finish(None if self.ended else exit_code)


READERS: Mapping[str, Callable[[Totals], Reader]] = MappingProxyType(
    {
        "claude": ClaudeReader,
        "codex": CodexReader,
        "gemini": GeminiReader,
        "opencode": OpencodeReader,
        "copilot": CopilotReader,
        "text": TextReader,
    }
)
"""Format -> how it is read."""
