"""What an entry of an MCP server may say: the table of what others learned to refuse, and what is ours beside it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.safety.mcp_rules import LAUNCHERS, LOADER_VARIABLES, Fault, server_faults, spelled


def faults(**entry: Any) -> list[str]:
    """Where the faults of an entry are; every one of them says what and how to mend it, on one line."""
    found = server_faults(**entry)
    for fault in found:
        assert fault.message
        assert fault.fix
        assert all(part.isprintable() for part in fault), fault
    return [fault.where for fault in found]


@pytest.mark.parametrize("program", LAUNCHERS)
def test_a_launcher_of_packages_may_be_started_by_anybody(program: str) -> None:
    assert faults(command=[program, "package-name"], own=False) == []
    assert faults(command=[f"/usr/bin/{program}"], own=False) == []


def test_a_launcher_is_known_by_its_windows_name_too() -> None:
    assert faults(command=["C:\\Python\\python.exe"], own=False) == []


@pytest.mark.parametrize("program", ["bash", "rm", "sudo", "chmod", "chown", "curl", "wget", "sh", "/bin/sh", "nodes"])
def test_any_other_program_only_by_the_user(program: str) -> None:
    assert faults(command=[program], own=False) == ["command[0]"]
    assert faults(command=[program]) == []


@pytest.mark.parametrize("program", ["", "  "])
def test_a_program_has_a_name(program: str) -> None:
    assert faults(command=[program]) == ["command[0]"]
    assert faults(command=[program], own=False) == ["command[0]"]


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["-v", "--verbose"],
        ["package-name"],
        ["@scope/package"],
        ["@scope/package@1.2.3"],
        ["--config", "config.json"],
        ["run", "script.py"],
        ["file.json"],
        ["--timezone=Europe/Paris"],
        ["https://example.com/a?b=1&c=2"],
        ["1..2"],
        ["-y"],
    ],
)
def test_ordinary_words_pass(words: list[str]) -> None:
    assert faults(command=["npx", *words], own=False) == []
    assert faults(command=["npx", *words]) == []


@pytest.mark.parametrize(
    "word",
    [
        *("../etc/passwd", "..\\windows\\system32", "../../secret", "foo/../bar/../../../etc/passwd", "..", "a/.."),
        *("--root=../up", "/etc/passwd.sh", "/etc/passwd", "C:\\Windows\\system32", "~/secrets", "~\\secrets", "~"),
        *("script.sh", "binary.exe", "library.dll", "secret.env", "key.pem", "KEY.PEM", "x.ps1", "\\\\host\\share"),
        *("f(x)", '{"a": 1}', "[ab]"),
    ],
)
def test_paths_into_the_machine_only_by_the_user(word: str) -> None:
    assert faults(command=["npx", word], own=False) == ["command[1]"]
    assert faults(command=["npx", word]) == []


@pytest.mark.parametrize(
    "word",
    [
        *("foo; rm -rf /", "foo & bar", "foo | cat /etc/passwd", "$(whoami)", "`id`", "foo > /etc/passwd"),
        *("foo < /etc/passwd", "${PATH}", "foo && bar", "foo || bar", "foo;; bar", "foo >> output", "foo << input"),
        *("`whoami`", "<(cat /etc/passwd)", ">(tee /tmp/out)", "script.js; rm -rf /", "a\nb", "a\rb", "--key=$KEY"),
        *("file\0.txt", "a" * 1001, "https://example.com/?a=1&b=$(id)", "https://example.com/?a=1&b=2 & id"),
    ],
)
def test_what_is_meant_for_a_shell_is_refused_to_everybody(word: str) -> None:
    assert faults(command=["node", word]) == ["command[1]"]
    assert faults(command=["node", word], own=False) == ["command[1]"]


def test_a_word_of_just_the_longest_length_passes() -> None:
    assert faults(command=["node", "a" * 1000]) == []


def test_a_reference_in_a_command_is_told_where_it_belongs() -> None:
    (fault,) = server_faults(command=["server", "--key", "$KEY"])
    assert fault.where == "command[2]"
    assert "env: {NAME: $NAME}" in fault.fix


@pytest.mark.parametrize("name", [*sorted(LOADER_VARIABLES), "path", "Ld_Preload", "SWARMTUI_HOME"])
def test_variables_that_decide_what_code_runs_may_not_be_set(name: str) -> None:
    assert faults(command=["npx"], env={name: "/somewhere"}) == [f"env.{name}"]


def test_the_variables_that_others_forbid_are_among_them() -> None:
    theirs = (
        "PATH LD_LIBRARY_PATH DYLD_LIBRARY_PATH LD_PRELOAD DYLD_INSERT_LIBRARIES PYTHONPATH NODE_PATH RUBYLIB PERL5LIB"
    )
    assert set(theirs.split()) <= LOADER_VARIABLES


@pytest.mark.parametrize(
    ("name", "value", "fine"),
    [
        ("API_KEY", "secret123", True),
        ("DEBUG", "true", True),
        ("MY_VARIABLE", "value", True),
        ("TOKEN", "$TOKEN", True),
        ("TOKEN", "${TOKEN}", False),
        ("TOKEN", "$TOKEN/x", False),
        ("KEY", "value\0malicious", False),
        ("KEY", "v" * 10_001, False),
        ("KEY", "v" * 10_000, True),
        ("A=B", "value", False),
        ("", "value", False),
        ("1ST", "value", False),
    ],
)
def test_variables(name: str, value: str, fine: bool) -> None:
    assert (faults(command=["npx"], env={name: value}) == []) is fine


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("http://localhost:3000", True),
        ("http://127.0.0.1:3000/mcp", True),
        ("http://127.8.8.8/mcp", True),
        ("http://[::1]:80/mcp", True),
        ("https://api.example.com", True),
        ("https://mcp.example.com/sse", True),
        ("https://192.168.1.1:8080/api", True),
        ("http://192.168.1.1:8080/api", False),  # stricter than others: whoever is on the way would hear the key
        ("http://example.com/mcp", False),
        ("http://localhost.example.com/mcp", False),
        ("http://127.0.0.1.example.com/mcp", False),
        ("ftp://example.com", False),
        ("file:///etc/passwd", False),
        ("javascript:alert(1)", False),
        ("https://user:pass@example.com", False),
        ("https://user@example.com", False),
        ("https://:@example.com", False),
        ("https://example.com\0/malicious", False),
        ("https://example.com/a b", False),
        ("https://example.com\\@evil.example/", False),
        ("https://example.com/\r\nHost: evil", False),
        ("https://example.com:port/", False),
        ("https://example.com:99999/", False),
        ("https://[::1/", False),
        ("http:///path", False),
        ("example.com", False),
        ("", False),
        ("https://example.com/" + "a" * 1000, False),
    ],
)
def test_addresses(url: str, fine: bool) -> None:
    assert faults(url=url) == ([] if fine else ["url"])


@pytest.mark.parametrize(
    ("name", "value", "fine"),
    [
        ("Authorization", "Bearer token123", True),
        ("Authorization", "$TOKEN", True),
        ("X-Custom-Header", "value", True),
        ("X-Bad\nHeader", "value", False),
        ("X-Bad Header", "value", False),
        ("X-Bad:Header", "value", False),
        ("", "value", False),
        ("X-Header", "value\r\nX-Injected: malicious", False),
        ("X-Header", "value\0", False),
        ("X-Header", "välue", False),
        ("X-Header", "v" * 10_001, False),
        ("Content-Length", "5", False),
        ("host", "evil.example", False),
        ("Mcp-Session-Id", "1", False),
    ],
)
def test_headers(name: str, value: str, fine: bool) -> None:
    assert (faults(url="https://example.com", headers={name: value}) == []) is fine


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ({}, [""]),
        ({"command": ["npx"], "url": "https://example.com"}, ["url"]),
        ({"url": "https://example.com", "env": {"A": "b"}}, ["env"]),
        ({"command": ["npx"], "headers": {"A": "b"}}, ["headers"]),
        ({"command": ["npx"], "timeout_s": 0.5}, ["timeout"]),
        ({"command": ["npx"], "timeout_s": 3601}, ["timeout"]),
        ({"command": ["npx"], "timeout_s": float("nan")}, ["timeout"]),
        ({"command": ["npx"], "timeout_s": 1}, []),
        ({"command": ["npx", "@modelcontextprotocol/server-filesystem"], "env": {"API_KEY": "secret"}}, []),
        ({"url": "https://api.example.com/sse", "headers": {"Authorization": "Bearer token"}}, []),
    ],
)
def test_an_entry_as_a_whole(entry: dict[str, Any], where: list[str]) -> None:
    assert faults(**entry) == where


def test_all_faults_are_told_at_once() -> None:
    entry = {"command": ["bash", "../etc/passwd", "a;b"], "env": {"PATH": "/malicious"}, "timeout_s": 0}
    assert faults(**entry, own=False) == ["command[0]", "command[1]", "command[2]", "env.PATH", "timeout"]


@given(
    st.lists(st.text(max_size=20), max_size=3),
    st.none() | st.text(max_size=30),
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=2),
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=2),
    st.floats(),
    st.booleans(),
)
def test_any_entry_is_judged(
    command: list[str], url: str | None, env: dict[str, str], headers: dict[str, str], timeout_s: float, own: bool
) -> None:
    found = server_faults(command=command, url=url, env=env, headers=headers, timeout_s=timeout_s, own=own)
    assert all(isinstance(fault, Fault) and all(part.isprintable() for part in fault) for fault in found)


def test_an_approval_shows_the_exact_command_and_no_secret() -> None:
    entry: dict[str, Any] = {"command": ["npx", "-y", "a b", "x\x1b[2J"], "env": {"KEY": "$KEY", "OTHER": "hush"}}
    assert spelled(**entry) == r"KEY=$KEY OTHER=*** npx -y 'a b' 'x\x1b[2J'"


def test_an_approval_shows_the_exact_address() -> None:
    told = spelled(url="https://example.com/\u202emcp", headers={"Authorization": "$TOKEN", "X": "hush"})
    assert told == r"https://example.com/\u202emcp [Authorization: $TOKEN] [X: ***]"
