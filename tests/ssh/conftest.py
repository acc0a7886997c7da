"""A private sshd for the tests of a worker, and two machines on one for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ssh.daemons import NoSshd, Ssh, private_sshd
from tests.ssh.machines import Machine


@pytest.fixture(scope="session")
def ssh() -> Iterator[Ssh]:
    """The daemons; without sshd, or where it does not let this user in, the test is skipped with the reason."""
    try:
        with private_sshd() as found:
            yield found
    except NoSshd as reason:
        pytest.skip(str(reason))


@pytest.fixture
def machine(ssh: Ssh, tmp_path: Path) -> Iterator[Machine]:
    """This machine, from which ``box`` and the others are reached, with sessions over there."""
    with Machine(tmp_path, ssh.home, {"SWARMTUI_SSH": ssh.program}) as made:
        yield made
