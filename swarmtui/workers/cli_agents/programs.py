"""Programs that are agents, as data: how each is called, what it may see, and what its ends mean.

``programs.yaml`` beside this file is the built-in part and says what each key means; the ``programs`` mapping of the
user's configuration overrides it key by key (:mod:`swarmtui.workers.cli_agents.configured`).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, field, fields, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Format = Literal["claude", "codex", "gemini", "opencode", "copilot", "text", "acp"]
Kind = Literal["refused", "throttled", "outage", "too_long", "input"]

ACP = "-acp"
"""What the name of a program ends in that is to be spoken to by the Agent Client Protocol."""

_COMMON_ENV = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"),
    *("NODE_EXTRA_CA_CERTS", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"),
)
"""What every known program may see: where its settings are and how it reaches its provider."""


class ProgramError(ValueError):
    """A program or the user's ``programs`` cannot be used; the message has a line per problem."""


@frozen
class Meaning:
    """What an end of a program means beyond that it failed."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    kind: Kind
    say: str = ""
    """What to do about it."""
    match: str = ""
    """A regular expression that what it said is searched for."""


@frozen
class Program:
    """One program; the keys are those of ``programs.yaml``."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    title: str = ""
    argv: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    model_form: Literal["name", "full"] = "name"
    edit: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    begin: tuple[str, ...] = ()
    here: bool = False
    format: Format = "text"
    env: tuple[str, ...] = ()
    set: dict[str, str] = field(default_factory=dict)
    read_set: dict[str, str] = field(default_factory=dict)
    """Like `set`, where it may not change files."""
    home: str | None = None
    exits: dict[int, Meaning] = field(default_factory=dict)
    words: tuple[Meaning, ...] = ()
    version: tuple[str, ...] = ()
    least: str = ""
    install: str = ""
    concurrency: int = 4
    acp: tuple[str, ...] = ()

    @property
    def takes_prompt(self) -> bool:
        """Whether the task is an argument; else it goes to its standard input."""
        return any("{prompt}" in word for word in self.argv)

    def command(
        self, prompt: str, *, model: str | None = None, session: str, resumed: bool = False, may_edit: bool = True
    ) -> list[str]:
        """What to start. A `prompt` stays within one argument, whatever it holds. `session` is the id of the one to
        be `resumed`, or for a new one where the program lets it be chosen."""
        groups = {
            "{model}": _filled(self.model, {"{model}": model}) if model else [],
            "{access}": list(self.edit if may_edit else self.read),
            "{resume}": _filled(self.resume if resumed else self.begin, {"{session}": session}),
        }
        words: list[str] = []
        for word in self.argv:
            words += groups[word] if word in groups else _filled([word], {"{prompt}": prompt})
        return words

    def environment(self, environ: Mapping[str, str], *, may_edit: bool) -> dict[str, str]:
        """The variables that it gets of the user's `environ`, beside those that every command gets."""
        passed = {name: environ[name] for name in (*_COMMON_ENV, *self.env) if name in environ} if self.name else {}
        if self.home:
            passed["HOME"] = self.home
        return passed | self.set | ({} if may_edit else self.read_set)

    def meaning(self, said: str, code: int | None) -> Meaning | None:
        """What is known of an end with this exit `code` and these words."""
        if code is not None and code in self.exits:
            return self.exits[code]
        return next((each for each in self.words if re.search(each.match, said)), None)

    def located(self, path: str) -> str | None:
        """The file that the command names, looked for in the folders of `path`."""
        return shutil.which(self.argv[0], path=path)

    def missing(self) -> ErrorInfo:
        """What to say when there is no such file."""
        called = one_line(self.argv[0], 100)
        hint = f"install it: {self.install}" if self.install else "install it or correct its name"
        return ErrorInfo(ErrorKind.INPUT, f"{called}: there is no such program on PATH; {hint}")

    def too_old(self, told: str) -> str | None:
        """Why the version that it `told` is too old, if it is."""
        found = re.search(r"\d+(?:\.\d+)+", told)
        if not self.least or found is None or _numbers(found[0]) >= _numbers(self.least):
            return None
        return f"{self.name} {found[0]} is older than {self.least}, the first that is known to work; {self.install}"


def plain(command: Sequence[str]) -> Program:
    """A command that nobody knows: the task in place of ``{prompt}`` or on its standard input, its output as text."""
    return Program("", argv=tuple(command), format="text")


class Programs:
    """Programs by name."""

    def __init__(self, programs: Mapping[str, Program]) -> None:
        self._programs = dict(programs)

    def __iter__(self) -> Iterator[Program]:
        return iter(self._programs.values())

    def names(self) -> tuple[str, ...]:
        """All names, those that speak the Agent Client Protocol also with ``-acp``."""
        return (*self._programs, *(f"{each.name}{ACP}" for each in self if each.acp))

    def get(self, name: str) -> Program:
        """The program `name`; with ``-acp`` at its end as it speaks that protocol. Raises ProgramError."""
        program = self._programs.get(name)
        if program is not None:
            return program
        base = self._programs.get(name.removesuffix(ACP))
        if base is not None and base.acp:
            return replace(base, name=name, argv=base.acp, begin=(), format="acp", here=True)
        if base is not None:
            raise ProgramError(f"{base.name} does not speak the Agent Client Protocol: write {base.name}")
        raise ProgramError(f"no program is called {one_line(name, 80)!r}: {_nearest(name, self.names())}")


@cache
def _built_in() -> Mapping[str, Program]:
    import yaml

    entries = yaml.safe_load(files("swarmtui.workers.cli_agents").joinpath("programs.yaml").read_text("utf-8"))
    return MappingProxyType(_read(entries, {}))


def load_programs(extra: Mapping[str, JSON] | None = None) -> Programs:
    """The known programs with the `extra` entries, which win. Raises ProgramError with every problem in them."""
    known = _built_in()
    return Programs({**known, **_read(extra, known)} if extra else known)


def _read(entries: Mapping[str, JSON], known: Mapping[str, Program]) -> dict[str, Program]:
    problems: list[str] = []
    programs: dict[str, Program] = {}
    for name, entry in entries.items():
        where = f"programs.{one_line(str(name), 60)}"
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,63}", str(name)) or str(name).endswith(ACP):
            problems.append(f"{where}: a program's name is lower-case letters, digits, - _ . and does not end in {ACP}")
        elif not isinstance(entry, Mapping):
            problems.append(f"{where}: must be a mapping with argv, format, …")
        else:
            programs[name] = _read_program(known.get(name) or Program(name), entry, where, problems)
    if problems:
        raise ProgramError("\n".join(problems))
    return programs


def _read_program(base: Program, entry: Mapping[str, JSON], where: str, problems: list[str]) -> Program:
    """`base` with what `entry` says; what cannot be read is added to `problems`."""
    from pydantic import ValidationError

    try:
        program = _adapter().validate_python({**asdict(base), **entry, "name": base.name})
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_context=False):
            at = ".".join([where, *(one_line(str(part), 60) for part in problem["loc"])])
            if problem["type"] == "unexpected_keyword_argument":
                keys = [each.name for each in fields(Program if len(problem["loc"]) == 1 else Meaning)]
                problems.append(f"{at}: unknown key: {_nearest(str(problem['loc'][-1]), keys)}")
            else:
                problems.append(f"{at}: {problem['msg'][:1].lower()}{problem['msg'][1:]}")
        return base
    problems += [f"{where}{wrong}" for wrong in _wrong(program)]
    return program


def _wrong(program: Program) -> Iterator[str]:
    """What is wrong with a program beyond its shape."""
    if not program.argv:
        yield ".argv: say which command it is, as a list of words"
    if program.concurrency < 1:
        yield ".concurrency: must be 1 or more"
    if program.format == "acp":
        yield ".format: write the command that speaks the protocol as `acp`, and name the program with -acp"
    if program.home is not None and not Path(program.home).is_absolute():
        yield ".home: must be an absolute path"
    for index, meaning in enumerate(program.words):
        try:
            re.compile(meaning.match)
        except re.error as error:
            yield f".words.{index}.match: is no regular expression: {error}"
        if not meaning.match:
            yield f".words.{index}.match: say what to look for"


def _filled(words: Sequence[str], values: Mapping[str, str | None]) -> list[str]:
    filled = []
    for word in words:
        for place, value in values.items():
            word = word.replace(place, value or "")  # noqa: PLW2901  # one place each, so nothing is filled in twice
        filled.append(word)
    return filled


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:4])


def _nearest(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


@cache
def _adapter() -> TypeAdapter[Program]:
    from pydantic import TypeAdapter

    return TypeAdapter(Program)
