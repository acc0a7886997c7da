"""Where nobody can be asked the session knows, so that agents that ask for leave are refused."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest

from swarmtui.cli import resume
from swarmtui.cli.run import arguments, spec_of
from swarmtui.host.spec import LaunchSpec
from swarmtui.session.folder import SessionFolder


@pytest.mark.parametrize(
    ("flags", "unattended"),
    [([], False), (["--headless"], True), (["--json"], True), (["--headless", "--detach"], False)],
)
def test_a_run_without_a_workbench_that_is_watched_has_nobody_to_ask(flags: list[str], unattended: bool) -> None:
    parser = ArgumentParser()
    arguments(parser)
    assert spec_of(parser.parse_args(["a goal", *flags])).unattended is unattended


def test_whoever_resumes_says_anew_whether_somebody_is_there(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path)
    LaunchSpec(cwd="/", goal="g", unattended=True).write(folder)
    resume._note_who_watches(folder, unattended=False)
    assert not LaunchSpec.read(folder).unattended
    folder.launch.unlink()
    resume._note_who_watches(folder, unattended=True)
