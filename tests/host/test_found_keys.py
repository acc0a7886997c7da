"""Keys that are found outside the environment leave no trace, whatever a provider does with them."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

import swarmtui
from swarmtui.safety.redact import RedactingFormatter, Redactor, Secret
from swarmtui.session.vocabulary import Status
from tests.fakes.llm import Answer, FakeLLM

KEY = "the-plain-key-of-acme"

CONFIG = """\
models:
  acme: {{dialect: openai-chat, base_url: "{base_url}", worker: m, planner: m, key_env: ACME_API_KEY,
          key_cmd: [{python}, -c, "print('{key}')"]}}
"""
TASK = """\
goal: echo
models: {worker: acme/m}
nodes:
  echo: {prompt: "say what you were sent"}
  long: {prompt: "say it at length"}
"""


async def test_a_provider_that_echoes_a_key_of_key_cmd_leaves_no_trace_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, task = tmp_path / "home", tmp_path / "task.yaml"
    monkeypatch.setenv("SWARMTUI_HOME", str(home))
    for folder in (home, home / "config"):
        folder.mkdir(mode=0o700)
    task.write_text(TASK)
    async with FakeLLM(Answer(f"I was sent {KEY}, and said {KEY * 3_000}.")) as llm:
        config = CONFIG.format(base_url=llm.base_url, python=sys.executable, key=KEY)
        (home / "config" / "config.yaml").write_text(config)
        session = await swarmtui.run(task)
        assert session.state.status is Status.SUCCEEDED
        assert any(KEY in str(request.headers) for request in llm.ledger)
    output = session.state.nodes["echo"].output
    assert output is not None
    assert output.text.startswith("I was sent ***, and said ***")
    left = [path for path in (home / "state").rglob("*") if path.is_file()]
    assert any(path.name == "session.db" for path in left)
    assert [path for path in left if KEY.encode() in path.read_bytes()] == []


def test_who_redacts_learns_of_a_key_also_in_the_middle_of_a_stream() -> None:
    redactor = Redactor([Secret("first-known-key")])
    stream = redactor.stream(live=True)
    assert stream.feed("said first-known-key and the-second") == "said *** and "
    redactor.learn(Secret("the-second-key"))
    assert stream.feed("-key ") + stream.flush() == "*** "
    assert redactor.redact("first-known-key the-second-key") == "*** ***"
    formatter = RedactingFormatter(redactor)
    assert formatter.format(logging.makeLogRecord({"msg": "got the-second-key"})) == "got ***"
