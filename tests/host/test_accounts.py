"""What sessions of one machine share of a provider account."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from swarmtui.engine.pacing.memory import PacerMemory
from swarmtui.host.accounts import Accounts

NOW = 1_800_000_000.0
ACCOUNT = "https://api.example.org/v1 KEY acme/m"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "accounts"


def test_what_one_session_learned_the_next_one_knows(folder: Path) -> None:
    Accounts(folder, "first").remember(ACCOUNT, PacerMemory(80.0, 2.5, NOW))
    recalled = Accounts(folder, "second").recall(ACCOUNT, NOW + 3600)
    assert recalled == PacerMemory(80.0, 2.5, NOW)


def test_accounts_are_apart(folder: Path) -> None:
    accounts = Accounts(folder, "s")
    accounts.remember(ACCOUNT, PacerMemory(80.0, None, NOW))
    assert accounts.recall(ACCOUNT + "x", NOW) is None


def test_what_was_learned_a_day_ago_is_forgotten(folder: Path) -> None:
    accounts = Accounts(folder, "s")
    accounts.remember(ACCOUNT, PacerMemory(80.0, None, NOW))
    assert accounts.recall(ACCOUNT, NOW + 86_401) is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff" * 90, b"[" * 60_000, b'{"window": 1e999, "saved_at": 1}'])
def test_a_damaged_memory_is_no_memory(folder: Path, content: bytes) -> None:
    accounts = Accounts(folder, "s")
    accounts.remember(ACCOUNT, PacerMemory(80.0, None, NOW))
    (kept,) = folder.glob("*/learned.json")
    kept.write_bytes(content)
    assert accounts.recall(ACCOUNT, NOW) is None


def test_the_folder_and_its_files_are_the_users_alone(folder: Path) -> None:
    accounts = Accounts(folder, "s")
    accounts.join(ACCOUNT)
    accounts.remember(ACCOUNT, PacerMemory(80.0, None, NOW))
    (place,) = folder.iterdir()
    assert place.stat().st_mode & 0o077 == 0
    assert {path.stat().st_mode & 0o077 for path in place.iterdir()} == {0}
    accounts.close()


def test_hosts_that_use_an_account_see_each_other_until_they_leave(folder: Path) -> None:
    one, two = Accounts(folder, "one"), Accounts(folder, "two")
    one.join(ACCOUNT)
    assert one.others(ACCOUNT) == 0
    two.join(ACCOUNT)
    assert (one.others(ACCOUNT), two.others(ACCOUNT)) == (1, 1)
    two.close()
    assert one.others(ACCOUNT) == 0
    one.close()
    assert list(folder.glob("*/*.host")) == []


def test_a_host_that_was_killed_counts_no_more(folder: Path) -> None:
    code = (
        "import sys, pathlib; from swarmtui.host.accounts import Accounts\n"
        "accounts = Accounts(pathlib.Path(sys.argv[1]), 'other'); accounts.join(sys.argv[2])\n"
        "print('in', flush=True); sys.stdin.read()"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), ACCOUNT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert host.stdout is not None
    assert host.stdin is not None
    with host:
        assert host.stdout.readline() == b"in\n"
        own = Accounts(folder, "own")
        assert own.others(ACCOUNT) == 1
        host.kill()
        host.wait()
        assert own.others(ACCOUNT) == 0
        assert list(folder.glob("*/other.host")) == []


def test_a_folder_that_is_no_folder_costs_the_session_nothing(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.write_text("in the way")
    accounts = Accounts(folder, "s")
    accounts.join(ACCOUNT)
    accounts.remember(ACCOUNT, PacerMemory(8.0, None, NOW))
    assert (accounts.recall(ACCOUNT, NOW), accounts.others(ACCOUNT)) == (None, 0)
    assert len(caplog.records) == 2
