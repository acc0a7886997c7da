"""File systems that other machines write to are told from the kernel's own list, and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmtui.session.errors import LogError
from swarmtui.session.filesystems import file_system_of, refuse_network_folder

MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,relatime shared:9 master:2 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/me/with\040space rw - tmpfs tmpfs rw
32 22 0:42 / /mnt/share rw - cifs //server/share rw
33 22 0:43 / /mnt/share/over rw - ext4 /dev/sdb1 rw
34 22 0:44 / /covered rw - nfs server:/x rw
35 22 0:45 / /covered rw - tmpfs tmpfs rw
not a line of it
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    file = tmp_path / "mountinfo"
    file.write_text(MOUNTS)
    return file


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/x", "ext4"),
        ("/", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/x", "nfs4"),
        ("/homeless", "ext4"),
        ("/home/me/with space/x", "tmpfs"),
        ("/mnt/share/x", "cifs"),
        ("/mnt/share/over/x", "ext4"),
        ("/covered/x", "tmpfs"),
    ],
)
def test_a_path_lies_on_the_innermost_mount_and_of_two_on_the_later(path: str, kind: str, mounts: Path) -> None:
    assert file_system_of(Path(path), mounts) == kind


def test_a_network_folder_is_refused_with_what_to_do(mounts: Path) -> None:
    with pytest.raises(LogError, match=r"/home/me: lies on a network file system \(nfs4\).*SWARMTUI_HOME"):
        refuse_network_folder(Path("/home/me"), mounts)
    refuse_network_folder(Path("/var"), mounts)


def test_where_the_kernel_does_not_tell_nothing_is_refused(tmp_path: Path) -> None:
    assert file_system_of(Path("/"), tmp_path / "none") == ""
    refuse_network_folder(tmp_path, tmp_path / "none")
