"""``python -m swarmtui``."""

import sys

from swarmtui.cli.main import entry

sys.exit(entry())
