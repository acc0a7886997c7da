"""What holds for all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("here", deadline=None)  # a slow machine is no failure
settings.load_profile("here")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker more than processors: many tests wait for processes and sockets rather than compute."""
    return (os.cpu_count() or 1) + 1
