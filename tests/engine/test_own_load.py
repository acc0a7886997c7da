"""What a busy machine does to its own calls is not taken for the provider's doing."""

from __future__ import annotations

import time

from swarmtui.engine.own_load import FEWEST, LOOK_S, OwnLoad, thread_busy_s


class Thread:
    """A thread that is busy as told."""

    def __init__(self) -> None:
        self.busy = 0.0
        self.now = 0.0
        self.load = OwnLoad(0.0, lambda: self.busy)

    def work(self, share: float, in_flight: int, looks: int = 1) -> None:
        for _ in range(looks):
            self.now += LOOK_S
            self.busy += share * LOOK_S
            assert self.load.look(self.now, in_flight)


def test_a_thread_that_has_time_limits_nothing_and_clouds_nothing() -> None:
    thread = Thread()
    thread.work(0.4, 500, looks=20)
    assert thread.load.limit is None
    assert not thread.load.clouded


def test_a_thread_that_is_always_busy_keeps_fewer_in_flight_but_never_too_few() -> None:
    thread = Thread()
    thread.work(1.0, 500)
    assert thread.load.limit is not None
    assert thread.load.limit < 500
    assert thread.load.clouded
    for _ in range(200):
        thread.work(1.0, thread.load.limit)
    assert thread.load.limit == FEWEST


def test_once_there_is_time_again_the_limit_rises_and_is_lifted() -> None:
    thread = Thread()
    thread.work(1.0, 100)
    held = thread.load.limit
    assert held is not None
    thread.work(0.3, held)
    assert thread.load.limit is not None
    assert thread.load.limit > held
    thread.work(0.3, 20, looks=40)
    assert thread.load.limit is None


def test_a_few_calls_are_never_what_a_machine_is_too_busy_with() -> None:
    thread = Thread()
    thread.work(1.0, FEWEST, looks=10)
    assert thread.load.limit is None


def test_a_thread_that_computes_is_busy_and_one_that_sleeps_is_not() -> None:
    before, began = thread_busy_s(), time.monotonic()
    while time.monotonic() - began < 0.1:
        pass
    computing = thread_busy_s() - before
    before = thread_busy_s()
    time.sleep(0.1)  # which is what is measured
    assert thread_busy_s() - before < computing
