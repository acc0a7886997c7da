"""A real terminal of given size to drive the installed program in, and what its screen shows."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

SWARMTUI = Path(sys.executable).with_name("swarmtui")
PATIENCE_S = 60.0
LOOK_EVERY_S = 0.1
AGAIN_S = 1.0
NOT_INHERITED = ("SWARMTUI", "TMUX", "COLUMNS", "LINES", "NO_COLOR")
"""What would make the program believe that it runs elsewhere."""

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """One tmux server with one window, of its own; a context manager."""

    def __init__(self, folder: Path, columns: int = 120, lines: int = 40, **environ: str) -> None:
        self._socket = str(folder / "tmux.sock")
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)},
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "PS1": "$ ",
            "SWARMTUI_HOME": str(folder / "home"),
            "SWARMTUI_TOUR": "0",
            "PATH": f"{SWARMTUI.parent}:{os.environ['PATH']}",
            **environ,
        }
        size = ["-x", str(columns), "-y", str(lines)]
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, "-c", str(folder), "sh")

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", self._socket, *arguments]
        done = subprocess.run(command, env=self._environ, capture_output=True, text=True, check=True)
        return done.stdout

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the terminal as a user closes the window: whatever runs in it gets a SIGHUP."""
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)

    def run(self, *command: str) -> None:
        """Type a command line and press enter."""
        self.type(shlex.join(command))
        self.press("Enter")

    def type(self, text: str) -> None:
        """Type text as it is."""
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by name."""
        self._tmux("send-keys", *keys)

    def click(self, text: str, *, nth: int = 0, into: int = 0, twice: bool = False) -> None:
        """Click the first character of `text` where it stands on the screen, or `into` cells right of that.

        Raises AssertionError if it does not.
        """
        found = [
            (cell_len(line[: at.start()]) + 1 + into, row)
            for row, line in enumerate(self.screen().splitlines(), 1)
            for at in re.finditer(re.escape(text), line)
        ]
        assert found, f"there is no {text!r} to click on:\n{self.screen()}"
        x, y = found[nth]
        self.mouse(*[(0, x, y, "M"), (0, x, y, "m")] * (2 if twice else 1))

    def scroll(self, down: int, text: str) -> None:
        """Turn the wheel over `text`, so many notches down (up, if negative)."""
        line = next(row for row, line in enumerate(self.screen().splitlines(), 1) if text in line)
        column = self.screen().splitlines()[line - 1].index(text) + 1
        self.mouse(*[(65 if down > 0 else 64, column, line, "M")] * abs(down))

    def mouse(self, *done: tuple[int, int, int, str]) -> None:
        """What a terminal sends for its mouse (SGR, as asked for by mode 1006), all at once: of each the button, the
        cell, counted from 1, and ``M`` for down or ``m`` for up."""
        sent = "".join(f"\x1b[<{button};{x};{y}{end}" for button, x, y, end in done).encode()
        self._tmux("send-keys", "-H", *(f"{byte:02x}" for byte in sent))

    def screen(self) -> str:
        """What the screen shows."""
        return self._tmux("capture-pane", "-p")

    def pid_of_front(self) -> int:
        """The process that the shell waits for."""
        shell = self._tmux("display-message", "-p", "#{pane_pid}").strip()
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        return int(children[-1])

    def until(
        self, *texts: str, press: str | None = None, click: str | None = None, patience_s: float = PATIENCE_S
    ) -> str:
        """The screen once it shows all of `texts`. Until then `press` is pressed, or `click` clicked where it stands,
        again each second: what has only just appeared takes no answer."""
        deadline, again_at = time.monotonic() + patience_s, 0.0
        while True:
            if (press or click) and time.monotonic() >= again_at:
                self._do(press, click)
                again_at = time.monotonic() + AGAIN_S
            screen = self.screen()
            if all(text in screen for text in texts):
                return screen
            if time.monotonic() > deadline:
                missing = [text for text in texts if text not in screen]
                raise AssertionError(f"the screen never showed {missing}:\n{screen}")
            time.sleep(LOOK_EVERY_S)

    def _do(self, press: str | None, click: str | None) -> None:
        if press:
            self.press(press)
        if click and click in self.screen():
            self.click(click)


def cli(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program without a terminal, with the same home as a Terminal in `folder`."""
    env = {**os.environ, "SWARMTUI_HOME": str(folder / "home"), **environ}
    return subprocess.run(
        [str(SWARMTUI), *arguments],
        env=env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
