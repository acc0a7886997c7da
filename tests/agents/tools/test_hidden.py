import os
import subprocess
from pathlib import Path

import pytest

from swarmtui.agents.tools.hidden import hidden
from swarmtui.safety.sandbox import ENVIRON, Blocked
from tests.sandboxed import WORKS, needs_sandbox


def project(root: Path, *paths: str) -> Path:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    return root


def parts(root: Path, **bounds: int) -> list[str]:
    return [os.path.relpath(path, root) for path in hidden(root, **bounds).paths]


def test_in_a_project_without_credentials_nothing_is_hidden(tmp_path: Path) -> None:
    project(tmp_path, "a.py", "src/b.py", ".env.example").joinpath("link").symlink_to("/etc")
    assert hidden(tmp_path) == hidden(tmp_path / "src")
    assert hidden(tmp_path).paths == ()


def test_what_may_hold_credentials_is_hidden_however_deep_it_lies(tmp_path: Path) -> None:
    deep = "/".join("abcdefghijklmnop")
    project(tmp_path, "a.py", ".env", "src/b.py", "deploy/key.pem", "deploy/run/x", ".ssh/config", f"{deep}/.env")
    assert parts(tmp_path) == [".env", ".ssh", f"{deep}/.env", "deploy/key.pem"]


def test_a_name_that_goes_on_where_another_ends_is_hidden_too(tmp_path: Path) -> None:
    project(tmp_path, ".env", ".env.local", ".env.production")
    assert parts(tmp_path) == [".env", ".env.local", ".env.production"]


def test_a_project_behind_a_link_is_hidden_where_it_really_lies(tmp_path: Path) -> None:
    project(tmp_path / "real", ".env")
    (tmp_path / "link").symlink_to("real")
    assert hidden(tmp_path / "link").paths == (str(tmp_path.resolve() / "real" / ".env"),)


def test_a_link_hides_what_it_leads_to_within_the_project(tmp_path: Path) -> None:
    project(tmp_path, "config/prod.vars", "a")
    (tmp_path / ".env").symlink_to("config/prod.vars")
    (tmp_path / "x.pem").symlink_to("/etc/passwd")
    (tmp_path / "y.pem").symlink_to("nowhere")
    assert parts(tmp_path) == ["config/prod.vars"]


def test_the_history_of_a_repository_is_seen_without_what_its_remotes_are_asked_with(tmp_path: Path) -> None:
    names = (".git/config", ".git/HEAD", ".git/objects/ab/config", ".git/modules/m/config", ".git/modules/m/HEAD")
    assert parts(project(tmp_path, "a.py", *names)) == [".git/config", ".git/modules/m/config"]


def test_what_is_installed_is_not_looked_through(tmp_path: Path) -> None:
    assert parts(project(tmp_path, "node_modules/x/.env", ".venv/lib/cert.pem")) == []


def test_of_very_many_the_folders_are_hidden_and_that_is_said(tmp_path: Path) -> None:
    project(tmp_path, ".env", *(f"certs/{n}.pem" for n in range(20)), *(f"{n}/.env" for n in range(5)))
    assert parts(tmp_path, most=10) == [".env", *(f"{n}/.env" for n in range(5)), "certs"]
    assert hidden(tmp_path, most=10).remark.endswith("whole folders are hidden: certs")
    assert hidden(tmp_path).remark == ""


def test_folders_further_out_are_hidden_where_each_has_but_one(tmp_path: Path) -> None:
    project(tmp_path, ".env", *(f"packages/{n}/.env" for n in range(20)))
    assert parts(tmp_path, most=10) == [".env", "packages"]


def test_where_the_whole_project_would_be_hidden_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="keep them elsewhere"):
        hidden(project(tmp_path, *(f"{n}.pem" for n in range(20))), most=10)


def test_where_the_look_is_cut_off_that_is_said(tmp_path: Path) -> None:
    project(tmp_path, *(f"a/{n}" for n in range(20)), "a/b/.env")
    found = hidden(tmp_path, entries=10)
    assert found.paths == ()
    assert found.remark == "the project has more than 10 files: 1 folders were not looked through for credentials"


@needs_sandbox
def test_in_the_sandbox_nothing_of_it_can_be_read(tmp_path: Path) -> None:
    assert not isinstance(WORKS, Blocked)
    root = project(tmp_path / "project", *(f"{n}/.env" for n in range(40)), ".ssh/id", "src/a.py", "src/sub/x.key")
    work = tmp_path / "work"
    work.mkdir()
    script = f"cat {root}/src/a.py; cat {root}/*/.env {root}/src/sub/x.key | wc -c; ls -A {root}/.ssh | wc -l"
    argv = WORKS.argv(["sh", "-c", script], work, [root], hidden=hidden(root).paths)
    ran = subprocess.run(argv, env=dict(ENVIRON), capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("src/a.py0\n0\n", "")
