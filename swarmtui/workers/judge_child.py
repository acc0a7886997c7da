"""What a child process of :mod:`swarmtui.workers.judge` does: it holds one output after another against its check."""

from __future__ import annotations

import json
import resource
import signal
import sys

from swarmtui.plan.model import Check
from swarmtui.workers.check import problem


def serve() -> None:
    """Answer each request on stdin, ``{check, size, limit_s, memory_bytes}`` in a line and then the output, in a line.

    A check that takes longer than its limit ends the process: the timer's signal is left to the system, since a regex
    at work hears of no other.
    """
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := requests.readline():
        asked = json.loads(line)
        text = requests.read(asked["size"]).decode("utf-8", "surrogatepass")
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = asked["memory_bytes"]
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
        signal.setitimer(signal.ITIMER_REAL, asked["limit_s"])
        wrong = problem(text, Check(**asked["check"]))
        signal.setitimer(signal.ITIMER_REAL, 0)
        answer = None if wrong is None else {"kind": wrong.kind.value, "message": wrong.message}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
