"""What a word means as a place, and what ssh is run with for it."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.host.address import Address, BadAddress, parse_address, parse_machine
from swarmtui.host.ssh import REMOTE_SCRIPT, failure_of, remote_command, ssh_argv


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("box/7f3a", Address("box", "7f3a")),
        ("me@box/7f3a", Address("box", "7f3a", "me")),
        ("ssh://box/7f3a", Address("box", "7f3a")),
        ("ssh://me@box.example:2222/7f3a/", Address("box.example", "7f3a", "me", 2222)),
        ("ssh://[2001:db8::1]:22/7f3a", Address("2001:db8::1", "7f3a", None, 22)),
        ("ssh://[::1]/7f3a", Address("::1", "7f3a")),
        ("ssh://me@corp.example@box/7f3a", Address("box", "7f3a", "me@corp.example")),
        ("7f3a", None),
        ("./7f3a", None),
        ("../etc", None),
        ("/tmp/session.db", None),
        ("~/session.db", None),
    ],
)
def test_words_that_name_a_session_elsewhere(word: str, means: Address | None) -> None:
    assert parse_address(word) == means
    if means is not None:
        assert parse_address(means.name) == means


@pytest.mark.parametrize(
    "word",
    [
        "ssh://-oProxyCommand=x/7f3a",
        "-oProxyCommand=x/7f3a",
        "ssh://-l@box/7f3a",
        "a b/7f3a",
        "a;touch x/7f3a",
        "$(touch x)/7f3a",
        "`id`/7f3a",
        "a'b/7f3a",
        'a"b/7f3a',
        "a\nb/7f3a",
        "box/7f3a;touch x",
        "box/-rf",
        "box/a b",
        "box/$(x)",
        "box/",
        "box/../etc",
        "/7f3a\0",
        "ssh://box",
        "ssh://box:0/7f3a",
        "ssh://box:65536/7f3a",
        "ssh://box:22x/7f3a",
        "ssh://box:٢٢/7f3a",
        "ssh://[::1/7f3a",
        "ssh://%65vil/7f3a",
        "box:2222/7f3a",
        "ssh:///7f3a",
        "me@/7f3a",
    ],
)
def test_14_words_that_a_shell_or_ssh_would_take_for_something_else_are_refused(word: str) -> None:
    if word.startswith("/"):
        assert parse_address(word) is None  # a path, and never the address of anything
        return
    with pytest.raises(BadAddress) as refused:
        parse_address(word)
    assert "\n" not in str(refused.value)


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.text(st.characters(codec="utf-8"), max_size=12))
def test_14_whatever_is_taken_as_an_address_is_made_of_names(host: str, session: str) -> None:
    try:
        found = parse_address(f"ssh://{host}/{session}")
    except BadAddress:
        return
    assert found is not None
    argv = ssh_argv(found, ["dial-stdio", found.id], batch=True, environ={})
    assert argv[-3] == "--"
    assert not argv[-2].startswith("-")
    for part in (found.host, found.id, found.user or ""):
        assert not set(part) & set(" \t\n\0'\"`$;&|<>()*?!#\\/")
    assert shlex.split(argv[-1])[-1] == found.id


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20), max_size=4))
def test_14_words_for_the_other_machine_come_through_its_shell_unchanged(words: list[str]) -> None:
    command = remote_command(words, {"SWARMTUI_REMOTE": "printf '%s\\0' begin"}).removeprefix("exec ")
    quoted = shlex.split(command)
    assert quoted[3:] == words
    assert shlex.split(remote_command(words, {})) == ["exec", "sh", "-c", REMOTE_SCRIPT, "swarmtui", *words]


def test_14_a_shell_of_the_other_machine_expands_nothing(tmp_path: Path) -> None:
    hostile = ["$HOME", "$(touch sentinel)", "`touch sentinel`", "; touch sentinel", "a  b", "*", "'", '"']
    command = remote_command(hostile, {"SWARMTUI_REMOTE": "printf '%s\\n'"})
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == hostile
    assert not (tmp_path / "sentinel").exists()


def test_ssh_is_the_user_s_own_with_a_link_that_is_watched() -> None:
    address = Address("box", "7f3a", "me", 2222)
    argv = ssh_argv(address, ["dial-stdio", "7f3a"], batch=False, environ={})
    assert argv[:2] == ["ssh", "-T"]
    assert "BatchMode=yes" not in argv
    assert {"ServerAliveInterval=5", "ServerAliveCountMax=3", "ConnectTimeout=15"} <= set(argv)
    assert argv[-5:-1] == ["-p", "2222", "--", "me@box"]
    assert "BatchMode=yes" in ssh_argv(address, [], batch=True, environ={})
    other = ssh_argv(address, [], batch=True, environ={"SWARMTUI_SSH": "myssh -F '/a b'"})
    assert other[:4] == ["myssh", "-F", "/a b", "-T"]


@pytest.mark.parametrize(
    ("word", "means"),
    [("box", Address("box")), ("me@box", Address("box", user="me")), ("ssh://box:22", Address("box", port=22))],
)
def test_machines_are_named_without_a_session(word: str, means: Address) -> None:
    assert parse_machine(word) == means
    for bad in ("", "-x", "a b", "box/7f3a", "box:22"):
        with pytest.raises(BadAddress):
            parse_machine(bad)


BOX = Address("box", "7f3a")


@pytest.mark.parametrize(
    ("code", "stderr", "exit_code", "said"),
    [
        (255, "ssh: connect to host box port 22: No route to host\r\n", 6, "cannot be reached: connect to host box"),
        (255, "kex_exchange_identification: read: Connection reset by peer\n", 6, "Connection reset by peer"),
        (255, "", 6, "cannot be reached: ssh failed"),
        (255, "me@box: Permission denied (publickey).\n", 4, "did not let you in: me@box: Permission denied"),
        (255, "Received disconnect from box: Too many authentication failures\n", 4, "did not let you in"),
        (
            255,
            "@ REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n",
            4,
            "its key is not known",
        ),
        (127, "sh: 1: exec: swarmtui: not found\n", 127, "`ssh box 'pipx install swarmtui'` installs it"),
        (126, "sh: swarmtui: Permission denied\n", 127, "set SWARMTUI_REMOTE to its path"),
        (3, "swarmtui: no session '7f3a': `swarmtui ls` lists those there are\n", 3, "`swarmtui ls --host box` lists"),
        (4, "swarmtui: /run/x: belongs to uid 0, not to you\n", 4, "box: /run/x: belongs to uid 0"),
        (
            5,
            "swarmtui: session.db was written by a newer version: 2 is needed\n",
            5,
            "`ssh -t box swarmtui attach 7f3a`",
        ),
        (2, "swarmtui: argument COMMAND: invalid choice: 'dial-stdio'\n", 5, "`ssh box 'pipx upgrade swarmtui'`"),
        (74, "noise\nswarmtui: session.db: is damaged\nmore noise\n", 6, "session.db: is damaged"),
    ],
)
def test_13_each_way_to_fail_is_one_line_with_the_next_step_and_a_code(
    code: int, stderr: str, exit_code: int, said: str
) -> None:
    failure = failure_of(code, stderr, BOX)
    assert failure is not None
    assert failure.code == exit_code
    assert said in str(failure)
    assert "\n" not in str(failure)
    assert failure.final == (exit_code != 6)


def test_13_what_a_hostile_machine_says_is_cleaned_and_cut() -> None:
    failure = failure_of(255, "\x1b]0;owned\x07\x1b[2Jssh: " + "x" * 5000, BOX)
    assert failure is not None
    assert "\x1b" not in str(failure)
    assert len(str(failure)) < 600


def test_13_a_machine_that_wants_a_password_on_a_broken_link_is_told_as_that() -> None:
    failure = failure_of(255, "me@box: Permission denied (publickey,password).", BOX, batch=True)
    assert "if it wants a password, leave and attach again from a terminal" in str(failure)


def test_10_a_link_that_had_been_made_and_is_refused_names_what_to_type() -> None:
    failure = failure_of(255, "me@box: Permission denied (publickey,password).", BOX, batch=True, again=True)
    assert str(failure) == "box lets you in only if it may ask, as `swarmtui attach box/7f3a` in a terminal does"
    assert failure is not None
    assert failure.final


def test_a_good_end_is_no_failure() -> None:
    assert failure_of(0, "", BOX) is None
