"""A node that the plan calls a report: its output is the session's report, whatever kind of node it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from swarmtui.session import events as ev
from swarmtui.session.vocabulary import Status
from tests.engine.world import node, plan, running


async def test_the_output_of_a_node_that_is_a_report_is_the_session_s(tmp_path: Path) -> None:
    nodes = (node("work"), replace(node("told", "work"), report=True))
    async with running(tmp_path, plan(*nodes), lambda attempt: f"# Said by {attempt.node}") as world:
        assert await world.finished() is Status.SUCCEEDED
        written = [event.body for event in await world.recorded() if isinstance(event.body, ev.ReportWritten)]
        assert [body.node for body in written] == ["told"]
        assert world.state.report_path == written[0].path
        report = (world.folder / written[0].path).read_text()
    assert report.startswith("# Said by told")
