"""What becomes of outputs that cannot be kept as they are: told, and never passed on as if they were whole."""

from __future__ import annotations

from pathlib import Path

from swarmtui.engine.ports import Attempt, Done
from swarmtui.plan.model import Node, RunSpec
from swarmtui.session.events import Noted, ReportWritten
from swarmtui.session.vocabulary import Status
from tests.engine.world import node, plan, running


async def test_what_needs_an_output_that_is_kept_in_part_fails_and_says_so(tmp_path: Path) -> None:
    def script(attempt: Attempt) -> Done:
        file = Path(attempt.folder, "output.txt")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("the first part")
        return Done(attempt.id, "the fi … rt", 200, str(file), truncated=True, lost="No space left on device")

    needing = [
        Node("by_path", RunSpec(("wc", "{{ big.path }}")), needs=("big",)),
        Node("by_text", RunSpec(("echo", "{{ big.output }}")), needs=("big",)),
    ]
    async with running(tmp_path, plan(node("big"), *needing), script) as world:
        assert await world.finished() is Status.FAILED
        assert world.states() == {"big": "succeeded", "by_path": "failed", "by_text": "failed"}
        for name in ("by_path", "by_text"):
            error = world.state.nodes[name].error
            assert error is not None
            assert "is kept in part only" in error.message
        told = [event.body.message for event in await world.recorded() if isinstance(event.body, Noted)]
        assert told == ["the output of big is kept in part only: No space left on device"]


async def test_a_report_that_cannot_be_copied_out_is_a_report_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")

    def script(attempt: Attempt) -> Done:
        return Done(attempt.id, "# Report", report=True)

    async with running(tmp_path, plan(node("report")), script, out=tmp_path / "out") as world:
        assert await world.finished() is Status.SUCCEEDED
        bodies = [event.body for event in await world.recorded()]
        (written,) = [body for body in bodies if isinstance(body, ReportWritten)]
        assert (written.copied_to, world.state.report_path) == (None, written.path)
        assert any(isinstance(body, Noted) and "could not be copied" in body.message for body in bodies)
