"""``python -m tests.report_check REPORT ROOT``: every ``file:line`` of a review's report exists in the project."""

from __future__ import annotations

import re
import sys
from pathlib import Path

PLACE = re.compile(r"`([^`\s]+):(\d+)`")


def missing_places(report: str, root: Path) -> tuple[int, list[str]]:
    """How many places the report names, and those of them that do not exist under `root`."""
    places = sorted({(path, int(line)) for path, line in PLACE.findall(report)})
    missing = []
    lengths: dict[str, int] = {}
    for path, line in places:
        file = root / path
        if path not in lengths:
            lengths[path] = len(file.read_bytes().splitlines()) if file.is_file() else -1
        if not 1 <= line <= max(1, lengths[path]) or lengths[path] < 0:
            missing.append(f"{path}:{line}")
    return len(places), missing


def main(report: str, root: str) -> int:
    """Print the verdict; 1 if a place is missing or none is named."""
    count, missing = missing_places(Path(report).read_text("utf-8"), Path(root))
    print(f"{count} places named, {len(missing)} of them missing{': ' + ', '.join(missing[:10]) if missing else ''}")
    return 1 if missing or not count else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
