import os
from pathlib import Path

import pytest

from swarmtui.agents.tools.shown import PARTS, shown


def project(root: Path, *paths: str) -> Path:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    return root


def parts(root: Path) -> list[str]:
    return [os.path.relpath(path, root) for path in shown(root)]


def test_a_project_without_credentials_is_shown_whole(tmp_path: Path) -> None:
    project(tmp_path, "a.py", "src/b.py", ".env.example").joinpath("link").symlink_to("/etc")
    assert parts(tmp_path) == ["."]


def test_a_folder_with_credentials_is_shown_by_its_other_parts(tmp_path: Path) -> None:
    project(tmp_path, "a.py", ".env", "src/b.py", "deploy/key.pem", "deploy/run/x", ".ssh/config")
    (tmp_path / "link").symlink_to("/etc/shadow")
    assert parts(tmp_path) == ["a.py", "deploy/run", "src"]


def test_the_history_of_a_repository_is_shown_without_what_its_remotes_are_asked_with(tmp_path: Path) -> None:
    project(
        tmp_path,
        "a.py",
        ".git/config",
        ".git/HEAD",
        ".git/objects/ab/config",
        ".git/modules/m/config",
        ".git/modules/m/HEAD",
    )
    assert parts(tmp_path) == [".git/HEAD", ".git/modules/m/HEAD", ".git/objects", "a.py"]


def test_what_is_installed_is_not_looked_through(tmp_path: Path) -> None:
    project(tmp_path, "node_modules/x/.env", ".venv/lib/cert.pem")
    assert parts(tmp_path) == ["."]


@pytest.mark.parametrize("spread", [True, False])
def test_there_are_not_too_many_parts(spread: bool, tmp_path: Path) -> None:
    for n in range(PARTS + 3):
        project(tmp_path, f"{n}/.env", f"{n}/a") if spread else project(tmp_path, f"{n}", ".env")
    found = parts(tmp_path)
    assert len(found) == PARTS
    assert not [path for path in found if ".env" in path or path == "."]
