"""The sandbox that tests run things in, where one works."""

from __future__ import annotations

import pytest

from swarmtui.safety.sandbox import Blocked, probe

WORKS = probe()
needs_sandbox = pytest.mark.skipif(isinstance(WORKS, Blocked), reason=f"no sandbox works here: {WORKS}")
