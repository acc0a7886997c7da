from pathlib import Path

import pytest

from swarmtui.host import confinement
from swarmtui.host.confinement import accepts_partial, find_sandbox, may_need_sandbox, remarks
from swarmtui.plan.model import Author, Node, Plan, PlanSpec, RunSpec, Spec
from swarmtui.safety import landlock
from swarmtui.safety.landlock import Landlock
from swarmtui.safety.sandbox import Blocked, Rlimits, Sandbox
from swarmtui.session import fold
from swarmtui.session.state import SessionState

NONE = Blocked("bubblewrap is not installed", "install it")
PARTIAL = Landlock(4, Rlimits(), b"filter", b"filter")


def configured(home: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    (home / "config").mkdir(exist_ok=True)
    path = home / "config" / "config.yaml"
    path.write_text(text)
    path.chmod(mode)
    return {"SWARMTUI_HOME": str(home)}


def planned(spec: Spec, author: Author = Author.USER) -> SessionState:
    state = fold.empty()
    state.plan = Plan("a goal", (Node("a", spec),), author=author)
    return state


def test_a_partial_sandbox_has_to_be_accepted_by_the_users_own_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confinement, "probe", lambda: NONE)
    monkeypatch.setattr(landlock, "probe", lambda: PARTIAL)
    assert find_sandbox({"SWARMTUI_HOME": str(tmp_path)}) is NONE
    assert find_sandbox(configured(tmp_path, "models: {}\n")) is NONE
    assert find_sandbox(configured(tmp_path, "sandbox: landlock\n")) is PARTIAL


def test_a_configuration_that_others_may_write_or_that_is_broken_accepts_nothing(tmp_path: Path) -> None:
    assert not accepts_partial(configured(tmp_path, "sandbox: landlock\n", 0o602))
    assert not accepts_partial(configured(tmp_path, "sandbox: landlock\nsandbox: landlock\n"))
    assert not accepts_partial(configured(tmp_path, "sandbox: [landlock\n"))
    assert not accepts_partial(configured(tmp_path, "sandbox: none\n"))
    assert accepts_partial(configured(tmp_path, "sandbox: landlock\n"))


def test_a_whole_sandbox_is_used_even_where_a_partial_one_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Sandbox("/usr/bin/bwrap")
    monkeypatch.setattr(confinement, "probe", lambda: whole)
    assert find_sandbox(configured(tmp_path, "sandbox: landlock\n")) is whole


def test_where_neither_works_both_reasons_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "probe", lambda: NONE)
    monkeypatch.setattr(landlock, "probe", lambda: Blocked("this kernel has no Landlock", "-"))
    found = find_sandbox(configured(tmp_path, "sandbox: landlock\n"))
    assert str(found) == "bubblewrap is not installed, and this kernel has no Landlock; install it"


def test_only_what_others_may_write_needs_a_sandbox() -> None:
    assert not may_need_sandbox(planned(RunSpec(("true",))))
    assert may_need_sandbox(planned(RunSpec(("true",)), Author.PLANNER))
    assert may_need_sandbox(planned(PlanSpec("a goal")))
    assert may_need_sandbox(fold.empty())


def test_the_user_is_told_what_does_not_hold() -> None:
    assert remarks(Sandbox("/usr/bin/bwrap"), unsandboxed=False) == []
    (told,) = remarks(NONE, unsandboxed=False)
    assert told.endswith("do not run: bubblewrap is not installed; install it")
    (told,) = remarks(PARTIAL, unsandboxed=False)
    assert told == (
        "the sandbox is a partial one (landlock): modes and times of your files, the names of your processes, "
        "signals to your processes are not confined"
    )
    (told,) = remarks(NONE, unsandboxed=True)
    assert told.startswith("UNSAFE (--unsafe-no-sandbox)")
