import pytest

from swarmtui.agents.mcp.settings import check, command_env, request_headers, secrets, variables_told
from swarmtui.agents.tools import ToolUnavailable
from swarmtui.plan.team import Server

HOST = {"PATH": "/bin", "HOME": "/home/me", "LANG": "C", "TERM": "xterm", "API_KEY": "sk-hidden-away", "EDITOR": "vi"}


def test_a_command_gets_what_any_program_needs_and_what_its_entry_names_and_nothing_else() -> None:
    server = Server(command=("x",), env={"KEY": "$API_KEY", "MODE": "fast", "PRICE": "5$"})
    assert command_env("s", server, HOST) == {
        "PATH": "/bin",
        "HOME": "/home/me",
        "LANG": "C",
        "TERM": "xterm",
        "KEY": "sk-hidden-away",
        "MODE": "fast",
        "PRICE": "5$",
    }


def test_a_variable_that_is_not_there_is_told_by_name() -> None:
    server = Server(command=("x",), env={"KEY": "$OTHER_KEY"})
    with pytest.raises(ToolUnavailable, match=r"servers\.s\.env\.KEY: the variable OTHER_KEY is not set; export it"):
        command_env("s", server, HOST)


def test_headers_are_filled_in_the_same_way() -> None:
    server = Server(url="https://example.com", headers={"Authorization": "$API_KEY", "X": "y"})
    assert request_headers("s", server, HOST) == {"Authorization": "sk-hidden-away", "X": "y"}


def test_what_is_filled_in_is_known_as_secret() -> None:
    server = Server(command=("x",), env={"A": "$API_KEY", "B": "$NOWHERE", "C": "plain"})
    assert [secret.reveal() for secret in secrets(server, HOST)] == ["sk-hidden-away"]


def test_an_entry_that_is_not_allowed_is_refused_before_anything_starts() -> None:
    with pytest.raises(ToolUnavailable, match=r"servers\.s\.env\.LD_PRELOAD: .*; "):
        check("s", Server(command=("x",), env={"LD_PRELOAD": "/evil.so"}))
    with pytest.raises(ToolUnavailable, match=r"servers\.s: it has neither"):
        check("s", Server())


def test_what_a_server_is_given_of_the_users_variables_is_told() -> None:
    servers = {
        "far": Server(url="https://mcp.example/x", headers={"Authorization": "$TOKEN", "X-A": "plain"}),
        "near": Server(command=("npx", "it"), env={"A": "$TOKEN", "B": "$OTHER", "C": "$UNSET"}),
        "plain": Server(command=("it",), env={"A": "b"}),
    }
    assert variables_told(servers, {"TOKEN": "t", "OTHER": "o"}) == [
        "the value of TOKEN is sent to mcp.example: servers.far says so",
        "the values of OTHER, TOKEN are given to npx: servers.near says so",
    ]
