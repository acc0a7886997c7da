"""The sessions there are, to choose from: an app of its own, before or between looks at one of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from swarmtui.frozen import frozen
from swarmtui.safety.text import one_line
from swarmtui.tui import content, garbage
from swarmtui.tui.comparing import Compare, Comparing
from swarmtui.tui.dressed import Dressed
from swarmtui.tui.leaving import CRASHED, Ending, tell_crash, tell_left
from swarmtui.tui.memory import Memory, remembered
from swarmtui.tui.settings import Read, read_settings
from swarmtui.tui.view.bulk import Verb
from swarmtui.tui.view.machines import Hosts, Machines
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.sessions import AsTree, Looking, Row

if TYPE_CHECKING:
    from swarmtui.tui.desk import Prompting
    from swarmtui.tui.screens.sessions import SessionsScreen
    from swarmtui.tui.view.glyphs import Glyphs

RELOAD_S = 2.0

Rows = Callable[[], Awaitable[Sequence[Row]]]
"""All sessions, newest first, as ``ls --json`` prints them. Read again :data:`RELOAD_S` seconds after a reading
has ended."""
Far = Callable[[str], Awaitable[Sequence[Row]]]
"""The sessions of another machine, or one row ``{host, error}``; within a few seconds, and without asking anybody."""
Act = Callable[[Verb, Row], Awaitable[str]]
"""Does it with one session; what came of it, in a few words. Whatever it raises is told beside the session."""


@frozen
class Ways:
    """What can be done from the list, as whoever starts it hands it in; what is not handed in is told to be so."""

    act: Act | None = None
    exports_to: str = ""
    """Where exports are written, for the question before."""
    far: Far | None = None
    names_of: Callable[[], Sequence[str]] = tuple
    """Machines that ssh knows by name. Reads files."""
    behind: Callable[[], bool] = bool
    """Whether the last reading of the sessions has left some to the next one, which should come at once."""
    samples: Callable[[], Sequence[tuple[str, str]]] = tuple
    """Task files that run as they are, with their goals. Reads files."""
    warm: Callable[[], object] = bool
    """Makes ready what opening a session takes; on a thread, once the list stands."""


@frozen
class Choice:
    """What the user wants of a session."""

    verb: Literal["open", "replay", "fork", "run"]
    session: str
    """Its ID, or ``HOST/ID``."""
    at: str = ""
    """Of a fork: where, as ``fork --at`` takes it."""
    argv: tuple[str, ...] = ()
    """Of a run: the whole command; there is no session yet."""
    typed: str = field(default="", compare=False)
    """Of a run: what stood in the prompt; it does again where nothing came of it."""


class Browser(Dressed[Choice]):
    """The app; it ends with a choice, or None."""

    CSS_PATH = ["screens/frame.tcss", "screens/sessions.tcss"]  # noqa: RUF012 - as Textual declares it

    def __init__(
        self,
        rows: Rows,
        looking: Looking | None = None,
        *,
        as_tree: AsTree | None = None,
        compare: Compare | None = None,
        said: str = "",
        glyphs: Glyphs | None = None,
        theme: str | None = None,
        clock: Callable[[], float] = time.time,
        reload_s: float = RELOAD_S,
        read: Read | None = None,
        memory: Memory | None = None,
        prompting: Prompting | None = None,
        ways: Ways | None = None,
        machines: Machines | None = None,
        ending: Ending | None = None,
    ) -> None:
        """`looking` and `machines`, as an earlier one left them, are gone on with; else what the memory has is."""
        super().__init__(glyphs=glyphs, theme=theme, read=read, memory=memory)
        self.ways = Ways() if ways is None else ways
        self.machines = Machines() if machines is None else machines
        self.hosts = Hosts.recalled(self.memory.get("hosts", {}), self.settings.hosts)
        """Which other machines are listed."""
        self.columns = self.settings.columns.get("sessions", ())
        self.prompting = prompting
        """What the prompt works with; without it there is none."""
        self.looking = Looking.recalled(self.memory.get("sessions", {})) if looking is None else looking
        self.rows, self.as_tree, self.comparing = rows, as_tree, Comparing(self, compare)
        self._clock, self._said, self.reload_s = clock, said, reload_s
        self._ending = ending

    @property
    def moment(self) -> Moment:
        """When the rows are looked at."""
        return Moment(self._clock(), 0.0)

    def get_default_screen(self) -> SessionsScreen:
        """The list. There is no empty screen below it, which would be composed and laid out before it."""
        from swarmtui.tui.screens.sessions import SessionsScreen

        return SessionsScreen()

    def on_mount(self) -> None:
        """Textual stands: the theme follows the terminal."""
        self.dress()
        if self._ending is not None:
            self._ending.watch(asyncio.get_running_loop(), self.leave)
            garbage.look_rarely()
        if self._said:
            content.notice(self, self._said, "warning")

    def remember(self) -> str:
        """Layouts, and how the sessions are looked at."""
        self.memory.put("sessions", self.looking.kept())
        self.memory.put("hosts", self.hosts.kept())
        return super().remember()

    async def on_unmount(self) -> None:
        """What was read from is left, however the app ends."""
        await self.comparing.close()


def tell_opening(choice: Choice) -> None:
    """Say what is waited for while the terminal is the shell's, and what leads out of it; a run says so itself."""
    if choice.verb != "run":
        does = {"open": "opening", "replay": "opening the past of", "fork": "forking"}[choice.verb]
        told = f"swarmtui: {does} {one_line(choice.session, 80)} …  ctrl+c leads back to the list"
        print(told, flush=True)  # noqa: T201 - the terminal is the shell's


def run_browser(
    rows: Rows,
    carry_out: Callable[[Choice], str],
    *,
    as_tree: AsTree | None = None,
    compare: Compare | None = None,
    prompting: Prompting | None = None,
    ways: Ways | None = None,
) -> int:
    """Show the sessions, have what is chosen carried out, and show them again as they were looked at, until the user
    leaves. The terminal is the shell's while `carry_out` runs; what it says is shown after it. The exit code: 0, or
    70 if the list crashed."""
    looking, machines, said = None, Machines(), ""
    with Ending() as ending:
        while not ending.wanted:
            app = Browser(
                rows,
                looking,
                as_tree=as_tree,
                compare=compare,
                said=said,
                read=read_settings(),
                memory=remembered(),
                prompting=prompting,
                ways=ways,
                machines=machines,
                ending=ending,
            )
            choice, looking = app.run(), app.looking
            problem = app.remember()
            if app.crash is not None:
                tell_crash(app.crash)
                return CRASHED
            if choice is None:
                tell_left(problem)
                return 0
            tell_opening(choice)
            said = carry_out(choice)
            if said and prompting is not None:
                prompting.draft = prompting.draft or choice.typed
            machines.outdated(choice.session)
    return 0
