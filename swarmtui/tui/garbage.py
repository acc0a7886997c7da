"""When garbage is looked for: what stays is not walked through again while somebody watches, a pause each time."""

from __future__ import annotations

import gc

COLLECTIONS = 5_000, 20, 50
"""How rarely it is looked for: thousands of events a second would have all that is kept walked every second."""


def look_rarely() -> None:
    """An app begins: what there is by now stays as long as it does, but not what an app before it has left."""
    if gc.get_freeze_count():
        gc.unfreeze()
        gc.collect()
    gc.set_threshold(*COLLECTIONS)
    gc.freeze()


def keep() -> None:
    """What has come by now, a session as it was opened, stays as well until another app begins."""
    gc.freeze()
