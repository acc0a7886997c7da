"""What is kept of durations: shared by hosts, private, bounded, and never believed when it cannot be true."""

from __future__ import annotations

import math
import multiprocessing
import sqlite3
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.engine.durations import HALF_LIFE_S, MOST, ROWS, Earlier, learn, read
from swarmtui.engine.ranks import Key, Took

KEY = Key("prompt", "acme/large")


def test_what_one_session_learns_the_next_one_knows(tmp_path: Path) -> None:
    path = tmp_path / "durations.db"
    assert learn(path, {KEY: Took(3.0, 1.5, 0.2)}, 1_000.0)
    assert read(path) == {KEY: Took(3.0, 1.5, 0.2)}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_sessions_add_up_and_old_ones_count_less(tmp_path: Path) -> None:
    path = tmp_path / "durations.db"
    learn(path, {KEY: Took(8.0, 0.0)}, 0.0)
    learn(path, {KEY: Took(4.0, 2.0)}, HALF_LIFE_S)
    known = read(path)[KEY]
    assert known.n == pytest.approx(8.0)
    assert known.mean == pytest.approx(1.0)
    assert known.variance == pytest.approx(1.0)


def test_however_much_was_seen_what_is_new_can_change_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "durations.db"
    learn(path, {KEY: Took(1e9, 0.0)}, 0.0)
    assert read(path)[KEY].n == MOST


def test_a_clock_that_was_set_back_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "durations.db"
    learn(path, {KEY: Took(2.0, 0.0)}, 1e9)
    learn(path, {KEY: Took(2.0, 0.0)}, 5.0)
    assert read(path)[KEY].n == pytest.approx(4.0)


@given(one=st.lists(st.floats(-5, 5), min_size=1, max_size=20), two=st.lists(st.floats(-5, 5), min_size=1, max_size=20))
def test_two_summaries_together_are_the_summary_of_both(one: list[float], two: list[float]) -> None:
    def summary(values: list[float]) -> Took:
        mean = math.fsum(values) / len(values)
        return Took(len(values), mean, math.fsum((value - mean) ** 2 for value in values) / len(values))

    both, whole = summary(one).with_(summary(two)), summary(one + two)
    assert both.n == whole.n
    assert both.mean == pytest.approx(whole.mean, abs=1e-9)
    assert both.variance == pytest.approx(whole.variance, abs=1e-9)


def test_nothing_is_known_where_there_is_no_file(tmp_path: Path) -> None:
    assert read(tmp_path / "none.db") == {}
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("content", [b"", b"junk" * 4_000, b"SQLite format 3\x00" + b"\xff" * 5_000])
def test_a_file_that_is_broken_is_put_aside_and_begun_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "durations.db"
    path.write_bytes(content)
    assert read(path) == {}
    assert learn(path, {KEY: Took(1.0, 0.0)}, 0.0)
    assert read(path) == {KEY: Took(1.0, 0.0)}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_database_that_is_something_else_is_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "durations.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE VIEW durations AS SELECT 'x' kind, 'y' profile, '' task, '' node, 1.0 n, 0.0, 0.0, 0.0")
    db.close()
    assert read(path) == {}
    assert learn(path, {KEY: Took(1.0, 0.0)}, 0.0)
    assert (tmp_path / "durations.db.broken").exists()
    assert read(path) == {KEY: Took(1.0, 0.0)}


def test_figures_that_cannot_be_true_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "durations.db"
    learn(path, {KEY: Took(1.0, 0.0)}, 0.0)
    bad = [(math.inf, 0.0, 0.0), (1.0, 1e300, 0.0), (-1.0, 0.0, 0.0), (1.0, 0.0, -1.0), ("text", 0.0, 0.0)]
    with sqlite3.connect(path) as db:
        for index, row in enumerate(bad):
            db.execute("INSERT INTO durations VALUES (?, 'p', '', '', ?, ?, ?, 0.0)", (f"k{index}", *row))
    db.close()
    assert read(path) == {KEY: Took(1.0, 0.0)}


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "durations.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    assert read(path) == {}
    assert not learn(path, {KEY: Took(1.0, 0.0)}, 0.0)
    assert path.read_bytes() == before


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "durations.db").symlink_to(target)
    learn(tmp_path / "durations.db", {KEY: Took(1.0, 0.0)}, 0.0)
    assert target.read_text() == "mine"


def test_a_folder_that_cannot_be_written_to_costs_nothing_but_the_knowledge(tmp_path: Path) -> None:
    assert not learn(tmp_path / "missing" / "durations.db", {KEY: Took(1.0, 0.0)}, 0.0)


def test_the_file_is_bounded_and_what_was_not_seen_for_longest_goes_first(tmp_path: Path) -> None:
    path = tmp_path / "durations.db"
    learn(path, {Key("k", str(index)): Took(1.0, 0.0) for index in range(ROWS)}, 1.0)
    learn(path, {Key("new", str(index)): Took(1.0, 0.0) for index in range(10)}, 2.0)
    known = read(path)
    assert len(known) == ROWS
    assert sum(key.kind == "new" for key in known) == 10


def _learn_often(path: Path) -> None:
    for _ in range(25):
        learn(path, {KEY: Took(1.0, 0.0)}, 0.0)


def test_hosts_that_learn_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "durations.db"
    context = multiprocessing.get_context("spawn")
    hosts = [context.Process(target=_learn_often, args=(path,)) for _ in range(3)]
    for host in hosts:
        host.start()
    for host in hosts:
        host.join()
    assert read(path)[KEY].n == pytest.approx(75.0)


def test_forecasts_are_told_median_spread_and_weight() -> None:
    earlier = Earlier({KEY: Took(12.0, math.log(4.0), 0.25)})
    assert earlier.known(*KEY[:2]) == (pytest.approx(4.0), 0.5, 12)
    assert earlier.known("run", "commands") is None
