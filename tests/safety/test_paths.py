import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.safety import paths
from swarmtui.safety.paths import (
    SOCKET_BYTES,
    PathRefused,
    Places,
    data_dir,
    ensure_private,
    inside,
    open_inside,
    places,
    socket_path,
    write_atomic,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def somewhere(root: Path) -> Places:
    return places({"SWARMTUI_HOME": str(root)})


def test_swarmtui_home_moves_every_directory(tmp_path: Path) -> None:
    where = places({"SWARMTUI_HOME": str(tmp_path), "XDG_RUNTIME_DIR": "/run/user/1", "XDG_STATE_HOME": "/elsewhere"})
    assert all(folder.parent == tmp_path for folder in (where.config, where.state, where.runtime, where.cache))


def test_xdg_variables_are_followed(tmp_path: Path) -> None:
    where = places({name: str(tmp_path) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")})
    assert where.config == where.state == where.runtime == tmp_path / "swarmtui"


def test_23_without_a_runtime_directory_of_ours_sockets_live_beside_the_state(tmp_path: Path) -> None:
    missing = {"XDG_STATE_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "missing")}
    assert places(missing).runtime == tmp_path / "swarmtui" / "run"
    assert places({"XDG_STATE_HOME": str(tmp_path)}).runtime == tmp_path / "swarmtui" / "run"


def test_a_private_directory_is_made_for_the_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = ensure_private(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert mode(folder) == 0o700
    assert mode(folder.parent) & 0o022 == 0 or mode(folder.parent) == 0o777
    assert ensure_private(folder) == folder


def test_23_a_directory_open_to_others_is_refused_with_the_remedy(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o750)
    with pytest.raises(PathRefused, match=r"mode 0750.*chmod 700"):
        ensure_private(folder)


def test_23_a_link_or_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(PathRefused, match="symbolic link"):
        ensure_private(tmp_path / "link")
    (tmp_path / "file").touch()
    with pytest.raises(PathRefused, match="not a directory"):
        ensure_private(tmp_path / "file")
    with pytest.raises(PathRefused, match="cannot be made"):
        ensure_private(tmp_path / "file" / "below")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_23_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = ensure_private(tmp_path / "theirs")
    os.chown(folder, 65534, 65534)
    with pytest.raises(PathRefused, match="belongs to uid 65534"):
        ensure_private(folder)


def test_a_socket_is_named_after_its_session(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        where = Places(tmp_path, tmp_path, Path(root) / "run", tmp_path)
        path = socket_path("20260101-abc", where)
        assert path == where.runtime / "20260101-abc.sock"
        assert mode(path.parent) == 0o700


@given(st.text("abcdef0123456789-._", min_size=0, max_size=63), st.integers(0, 150))
def test_23_a_socket_path_always_fits_and_is_always_the_same(name: str, depth: int) -> None:
    with tempfile.TemporaryDirectory() as root:
        where = Places(Path(root), Path(root), Path(root) / ("d" * depth), Path(root))
        first = socket_path("s" + name, where)
        assert len(os.fsencode(first)) <= SOCKET_BYTES
        assert first == socket_path("s" + name, where)
        assert first != socket_path("t" + name, where)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-x", ".x", "x" * 65, "a\nb", "é"])
def test_what_is_no_session_id_names_no_socket(name: str, tmp_path: Path) -> None:
    with pytest.raises(PathRefused, match="not a session's id"):
        socket_path(name, somewhere(tmp_path))


def test_data_is_found_in_the_repository_or_told_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "swarmtui" / "safety" / "paths.py"))
    with pytest.raises(FileNotFoundError, match="themes"):
        data_dir("themes")
    (tmp_path / "themes").mkdir()
    assert data_dir("themes") == tmp_path / "themes"
    (tmp_path / "swarmtui" / "_data" / "themes").mkdir(parents=True)
    assert data_dir("themes") == tmp_path / "swarmtui" / "_data" / "themes"


@pytest.mark.parametrize(
    "relative", ["../x", "/etc/passwd", "a/../../x", "a/../b", "", ".", "a\0b", "out/passwd", "loop"]
)
def test_a_name_cannot_lead_out_of_its_folder(relative: str, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/etc")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(PathRefused):
        inside(tmp_path, relative)
    with pytest.raises(PathRefused):
        os.close(open_inside(tmp_path, relative, os.O_RDONLY))


def test_a_name_within_its_folder_is_joined(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert inside(tmp_path, "a/b.txt") == tmp_path.resolve() / "a" / "b.txt"
    assert inside(tmp_path, "link/x") == tmp_path.resolve() / "real" / "x"


def test_no_link_is_followed_on_opening_even_within_the_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("kept")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "file").symlink_to("real/file")
    for relative in ("link/file", "file"):
        with pytest.raises(PathRefused, match="is a symbolic link"):
            open_inside(tmp_path, relative, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    assert (tmp_path / "real" / "file").read_text() == "kept"
    with os.fdopen(open_inside(tmp_path, "real/new", os.O_WRONLY | os.O_CREAT), "w") as file:
        file.write("x")
    assert mode(tmp_path / "real" / "new") == 0o600


def test_opening_leaks_no_descriptor(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    before = len(os.listdir("/proc/self/fd"))
    for relative in ("a/b/missing", "a/missing/x"):
        with pytest.raises(FileNotFoundError):
            open_inside(tmp_path, relative, os.O_RDONLY)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "status.md"
    write_atomic(target, "first ✓")
    assert target.read_text() == "first ✓"
    assert mode(target) == 0o600
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_atomic(tmp_path / "folder", "x")
    write_atomic(target, b"second", mode=0o644)
    assert target.read_bytes() == b"second"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder", "status.md"]


def test_a_link_at_the_target_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("kept")
    (tmp_path / "link").symlink_to("victim")
    write_atomic(tmp_path / "link", "new")
    assert (tmp_path / "victim").read_text() == "kept"
    assert not (tmp_path / "link").is_symlink()
