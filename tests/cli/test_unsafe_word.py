"""The word that does without a sandbox: typed each time, told loudly, recorded, and good for one host alone."""

import json

import pytest

from tests.cli.conftest import Program

GATED = "goal: g\nnodes:\n  a: {run: ['false']}\n"


@pytest.mark.chaos
def test_the_word_is_told_in_a_banner_recorded_and_holds_for_one_host(swarmtui: Program) -> None:
    task = swarmtui.write("t.yaml", GATED)
    ran = swarmtui("run", str(task), "--headless", "--json", "--unsafe-no-sandbox")
    assert ran.stderr.splitlines()[0].startswith("swarmtui: UNSAFE: ")
    notes = [line["data"]["message"] for line in map(json.loads, ran.stdout.splitlines()) if line["type"] == "noted"]
    assert [note.split(":")[0] for note in notes] == ["UNSAFE (--unsafe-no-sandbox)"]
    again = swarmtui("resume", swarmtui.session().id, "--retry-failed", "--headless", "--json")
    assert "UNSAFE" not in again.stdout + again.stderr


def test_a_task_file_cannot_say_it(swarmtui: Program) -> None:
    task = swarmtui.write("t.yaml", "unsafe_no_sandbox: true\n" + GATED)
    ran = swarmtui("run", str(task), "--headless")
    assert ran.returncode == 2
    assert "unsafe_no_sandbox" in ran.stderr
