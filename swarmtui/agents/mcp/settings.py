"""What a server gets from the host's environment: a few variables that any program needs, and those that its entry
names. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from swarmtui.agents.tools import ToolUnavailable
from swarmtui.plan.team import Server
from swarmtui.safety.mcp_rules import server_faults
from swarmtui.safety.redact import Secret
from swarmtui.safety.text import one_line

PASSED = ("PATH", "HOME", "LANG", "TERM")
"""Variables that every command gets; no others of the host's environment."""

_REFERENCE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")


def check(name: str, server: Server) -> None:
    """Raises ToolUnavailable where the server's entry is not allowed; the plan's checks have said so before."""
    for fault in server_faults(
        command=server.command, url=server.url, env=server.env, headers=server.headers, timeout_s=server.timeout_s
    ):
        where = f"servers.{name}.{fault.where}".removesuffix(".")
        raise ToolUnavailable(f"{where}: {fault.message}; {fault.fix}")


def command_env(name: str, server: Server, environ: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of the server's command. Raises ToolUnavailable."""
    passed = {variable: environ[variable] for variable in PASSED if variable in environ}
    return passed | _filled(f"servers.{name}.env", server.env, environ)


def request_headers(name: str, server: Server, environ: Mapping[str, str]) -> dict[str, str]:
    """The headers for the server's address. Raises ToolUnavailable."""
    return _filled(f"servers.{name}.headers", server.headers, environ)


def secrets(server: Server, environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """What the host's environment gives to the server: not to be written anywhere."""
    values = (*server.env.values(), *server.headers.values())
    found = (_REFERENCE.fullmatch(value) for value in values)
    return tuple(Secret(environ[match[1]]) for match in found if match is not None and match[1] in environ)


def variables_told(servers: Mapping[str, Server], environ: Mapping[str, str]) -> list[str]:
    """Which of the host's variables each server is given, in words for the user: its entry may come from anywhere."""
    told = []
    for name, server in servers.items():
        found = (_REFERENCE.fullmatch(value) for value in (*server.env.values(), *server.headers.values()))
        names = sorted({match[1] for match in found if match is not None and match[1] in environ})
        if not names:
            continue
        whom = f"sent to {urlsplit(server.url).hostname}" if server.url else f"given to {server.command[0]}"
        values = "values" if len(names) > 1 else "value"
        verb = "are" if len(names) > 1 else "is"
        told.append(f"the {values} of {', '.join(names)} {verb} {whom}: servers.{name} says so")
    return [one_line(line, 300) for line in told]


def _filled(where: str, values: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    filled = {}
    for key, value in values.items():
        match = _REFERENCE.fullmatch(value)
        if match is None:
            filled[key] = value
        elif match[1] in environ:
            filled[key] = environ[match[1]]
        else:
            raise ToolUnavailable(f"{where}.{key}: the variable {match[1]} is not set; export it before the session")
    return filled
