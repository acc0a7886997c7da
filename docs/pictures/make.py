"""Takes the README's pictures from a real session: ``python docs/pictures/make.py`` (about half a minute).

The session runs `tour.yaml` on the built-in simulated model, and says so on the picture.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SIZE = (140, 44)
AFTER_S = 15.0


async def take(session: str) -> None:
    """Attach to `session` without a terminal and save what the run screen shows after a while."""
    from swarmtui.cli.following import open_feed
    from swarmtui.host.locate import locate
    from swarmtui.tui.app import Workbench

    folder = locate(session)
    app = Workbench(lambda: open_feed(folder, name="picture", stream=True))
    async with app.run_test(size=SIZE) as pilot:
        await asyncio.sleep(AFTER_S)
        await pilot.press("l")
        await pilot.pause(0.5)
        app.save_screenshot("run.svg", path=str(HERE))


def main() -> int:
    """Run the session, take the picture, end the session."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["SWARMTUI_HOME"] = home
        swarmtui = [sys.executable, "-m", "swarmtui"]
        launch = [*swarmtui, "run", str(HERE / "tour.yaml"), "--detach"]
        launched = json.loads(subprocess.run(launch, capture_output=True, text=True, check=True).stdout)
        try:
            asyncio.run(take(launched["id"]))
        finally:
            subprocess.run([*swarmtui, "ctl", launched["id"], "cancel"], check=True)
            subprocess.run([*swarmtui, "wait", launched["id"]], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
