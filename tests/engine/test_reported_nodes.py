"""A node that the plan calls a report: its output is the session's report, whatever kind of node it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from swarmtui.engine.ports import Attempt, Done
from swarmtui.plan.model import MapSpec
from swarmtui.safety.redact import Redactor, Secret
from swarmtui.session import events as ev
from swarmtui.session.vocabulary import Status
from tests.engine.world import World, node, plan, running


async def reports(world: World) -> list[ev.ReportWritten]:
    assert await world.finished() is Status.SUCCEEDED
    return [event.body for event in await world.recorded() if isinstance(event.body, ev.ReportWritten)]


async def test_the_output_of_a_node_that_is_a_report_is_the_session_s(tmp_path: Path) -> None:
    nodes = (node("work"), replace(node("told", "work"), report=True))
    async with running(tmp_path, plan(*nodes), lambda attempt: f"# Said by {attempt.node}") as world:
        written = await reports(world)
        assert [body.node for body in written] == ["told"]
        assert world.state.report_path == written[0].path
        report = (world.folder / written[0].path).read_text()
    assert report.startswith("# Said by told\n\n## Figures\n")


@pytest.mark.parametrize("truncated", [True, False])
async def test_a_report_is_whole_where_its_worker_wrote_a_file(tmp_path: Path, truncated: bool) -> None:
    whole = "# All of it, with k-secret-1"

    def script(attempt: Attempt) -> Done:
        file = Path(attempt.folder, "output.txt")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(whole)
        said = "# All … 1" if truncated else whole
        return Done(attempt.id, said, len(whole), str(file), truncated)

    redactor = Redactor([Secret("k-secret-1")])
    async with running(tmp_path, plan(node("told", report=True)), script, redactor=redactor) as world:
        (written,) = await reports(world)
        report = (world.folder / written.path).read_text()
    assert report.startswith("# All of it, with ")
    assert "k-secret-1" not in report


async def test_the_items_of_a_map_are_no_reports(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("told", report=True, map=MapSpec(values=("x", "y"))))) as world:
        assert await reports(world) == []
