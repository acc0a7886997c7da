"""What holds for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from swarmtui.workers.orphans import become_subreaper
from tests.leftovers import ended, kept, made_outside, take_away

settings.register_profile("here", deadline=None)  # a slow machine is no failure
settings.load_profile("here")


def pytest_configure() -> None:
    """Of a run in the background of a script a ^C is no business: the programs that tests interrupt must not inherit
    that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker more than processors: many tests wait for processes and sockets rather than compute."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[None]:
    """Point 34: after the last test no host, viewer or ssh of any of them runs, and nothing lies outside of tmp.

    It is the first thing that is set up, and so the last one that is looked at, in each worker for its own tests.
    """
    become_subreaper()
    before = kept(pytestconfig.rootpath)
    yield
    running = ended()
    take_away()
    outside = made_outside(before, pytestconfig.rootpath, tmp_path_factory.getbasetemp())
    assert not running, f"tests left these running (they were killed): {running}"
    assert not outside, f"tests left these outside of their folders: {[str(path) for path in outside]}"
