"""What a server gets from the host's environment: a few variables that any program needs, and those that its entry
names. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from swarmtui.agents.tools import ToolUnavailable
from swarmtui.plan.team import Server
from swarmtui.safety.mcp_rules import server_faults
from swarmtui.safety.redact import Secret

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
