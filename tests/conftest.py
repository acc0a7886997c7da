"""What holds for all tests."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from swarmtui.workers.orphans import become_subreaper
from tests.leftovers import ended, kept, made_outside, take_away

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each worker, and each program that a test starts, would compile all
sys.dont_write_bytecode = False

settings.register_profile("quick", deadline=None, max_examples=40)  # a slow machine is no failure
settings.register_profile("chaos", deadline=None, max_examples=100)


def pytest_configure(config: pytest.Config) -> None:
    """With the slower tests, laws are tried with more examples.

    Of a run in the background of a script a ^C is no business: the programs that tests interrupt must not inherit that.
    """
    slower = "chaos" in str(config.getoption("markexpr")).replace("not chaos", "")
    settings.load_profile("chaos" if slower else "quick")
    os.environ["SWARMTUI_TOUR"] = "0"  # whoever types by a script is not to be shown around
    os.environ["SWARMTUI_HOME"] = tempfile.mkdtemp(prefix="swarmtui-")  # no test writes what is the user's own
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure() -> None:
    """What tests without a home of their own have written is nobody's."""
    shutil.rmtree(os.environ["SWARMTUI_HOME"], ignore_errors=True)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker more than processors: many tests wait for processes and sockets rather than compute."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Where everything is tested, each worker begins to import elsewhere: what one has compiled, the others read."""
    config, tests = session.config, Path(__file__).parent
    share: dict[str, int | str] = getattr(config, "workerinput", {})
    if share and [Path(one).resolve() for one in config.args] == [tests]:
        files = sorted(tests.rglob("test_*.py"))
        first = len(files) * int(str(share["workerid"]).removeprefix("gw")) // int(share["workercount"])
        for path in (*files[first:], *files[:first]):
            with contextlib.suppress(Exception, pytest.skip.Exception):  # collection meets it again, and tells
                importlib.import_module(".".join(path.relative_to(tests.parent).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """What was imported stays to the end: it is not looked through for garbage during each test."""
    gc.collect()
    gc.freeze()


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
