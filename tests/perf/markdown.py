"""What streamed Markdown costs on the screen, beside Textual's own stream of it, and how that grows with the text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from statistics import median

from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Markdown

from swarmtui.tui.dressed import Dressed
from swarmtui.tui.view.markdown.blocks import load
from swarmtui.tui.view.markdown.flow import Flow, Look
from swarmtui.tui.widgets.lines import TextView

PACE_S = 0.001
FLUSH_S = 0.1
SIZE = (120, 40)
LEAST = 10
PART = """## Finding {n}

`store/run_{n}.py:9` builds a **shell command** from a name that the caller controls, and runs it with *full* rights.

1. call it with a name that ends the command
2. look for what the rest of the name did
   - in the log
   - on the disk

| file | line | how bad |
|:-----|-----:|:-------:|
| store/run_{n}.py | 9 | high |
| net/client.py | 41 | low |

```python
def run(name: str) -> int:
    return subprocess.call(["tool", name])  # no shell
```

"""


def tokens(number: int) -> list[str]:
    """So many tokens of a report, four characters each."""
    text = "".join(PART.format(n=n) for n in range(1 + 4 * number // (len(PART) - 10)))
    return [text[at : at + 4] for at in range(0, 4 * number, 4)]


class _Theirs(App[None]):
    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Markdown()


class _Ours(Dressed[None]):
    def compose(self) -> ComposeResult:
        yield TextView(follow=True)


async def cpu_of_textual(parts: Sequence[str]) -> float:
    """Seconds of CPU that Textual's stream takes."""
    app = _Theirs()
    async with app.run_test(size=SIZE) as pilot:
        app.query_one(VerticalScroll).anchor()
        await pilot.pause()
        began = time.process_time()
        stream = Markdown.get_stream(app.query_one(Markdown))
        for part in parts:
            await stream.write(part)
            await asyncio.sleep(PACE_S)
        await stream.stop()
        await pilot.pause()
        return time.process_time() - began


async def cpu_of_ours(parts: Sequence[str]) -> float:
    """Seconds of CPU that ours takes: text to the lines on the screen."""
    app = _Ours()
    async with app.run_test(size=SIZE) as pilot:
        view, flow = app.query_one(TextView), Flow()
        await pilot.pause()
        began = time.process_time()

        def draw() -> None:
            view.show(lambda width: flow.drawn(Look(width)), above=lambda: flow.above)

        timer = app.set_interval(FLUSH_S, draw)
        for part in parts:
            flow.write(part)
            await asyncio.sleep(PACE_S)
        timer.stop()
        draw()
        await pilot.pause()
        return time.process_time() - began


async def cpu_of_sleeping(number: int) -> float:
    """Seconds of CPU that feeding at this pace takes by itself."""
    began = time.process_time()
    for _ in range(number):
        await asyncio.sleep(PACE_S)
    return time.process_time() - began


async def beside_textual(number: int = 300) -> tuple[float, float]:
    """Tokens per second of CPU: ours and Textual's, in turns, the cost of feeding taken off."""
    parts = tokens(number)
    load()
    await cpu_of_textual(parts[:20])
    await cpu_of_ours(parts[:20])
    runs = [(await cpu_of_ours(parts), await cpu_of_textual(parts), await cpu_of_sleeping(number)) for _ in range(3)]
    ours, theirs, idle = (median(column) for column in zip(*runs, strict=True))
    return number / max(ours - idle, 1e-6), number / max(theirs - idle, 1e-6)


def cpu_per_token(number: int, at_once: int = 20) -> float:
    """Microseconds of CPU per token of a text of `number` tokens, drawn after every `at_once`; lines alone."""
    parts, flow, look = tokens(number), Flow(), Look(100)
    began = time.process_time()
    for at in range(0, number, at_once):
        flow.write("".join(parts[at : at + at_once]))
        flow.drawn(look)
    return (time.process_time() - began) / number * 1e6


def measure(most: int = 100_000) -> list[dict[str, object]]:
    """Tokens per second of CPU beside Textual's, and what a token costs late in a long text beside early in one."""
    ours, theirs = asyncio.run(beside_textual())
    small, large = cpu_per_token(2_000), cpu_per_token(most)
    return [
        {
            "tokens_per_cpu_s": round(ours),
            "textual_tokens_per_cpu_s": round(theirs),
            "ratio": round(ours / theirs, 1),
            "least": LEAST,
        },
        {
            "tokens": most,
            "us_per_token": round(large, 1),
            "us_per_token_of_2000": round(small, 1),
            "ratio": round(large / small, 2),
            "budget": 1.5,
        },
    ]
