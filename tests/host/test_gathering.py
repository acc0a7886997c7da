"""What a feed tells of its link and of its host's trouble, and that whoever draws it learns of every change."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from swarmtui.host.feed import FILES_GONE, Link
from swarmtui.host.gathering import Gathering
from swarmtui.session.vocabulary import Status

FULL = "the disk is full: nothing starts until there is room"


def live() -> Gathering:
    """Of a feed whose link is up, with nothing new for the viewer."""
    gathered = Gathering()
    gathered.set_link(Link.LIVE)
    gathered.drain()
    return gathered


@pytest.mark.parametrize("lost", [Link.RECONNECTING, Link.ENDED, Link.CRASHED])
def test_of_a_host_that_is_not_reached_any_more_no_trouble_is_told(lost: Link) -> None:
    gathered = live()
    gathered.set_trouble(FILES_GONE, gone=True)
    gathered.set_link(lost, "why")
    assert (gathered.status.trouble, gathered.status.gone) == ("", False)


@pytest.mark.parametrize("without", [Link.RECONNECTING, Link.ENDED, Link.CRASHED])
def test_what_was_told_while_no_host_was_reached_is_not_said_of_the_one_that_is_reached_then(without: Link) -> None:
    gathered = live()
    gathered.set_link(without, "why")
    gathered.set_trouble("its files are gone, and so is its host", gone=True)
    gathered.set_link(Link.LIVE)
    assert (gathered.status.trouble, gathered.status.gone) == ("", False)


def test_the_trouble_of_a_host_stays_told_while_its_viewer_falls_behind_and_catches_up() -> None:
    gathered = live()
    gathered.set_trouble(FILES_GONE, gone=True)
    for note in ("2,000 events behind for 3 s", ""):
        gathered.set_link(Link.LIVE, note)
        assert (gathered.status.note, gathered.status.trouble, gathered.status.gone) == (note, FILES_GONE, True)


def test_that_the_files_are_gone_and_that_they_are_back_is_told_whatever_the_words() -> None:
    gathered = live()
    for gone in (False, True, False):
        gathered.set_trouble(FULL, gone=gone)
        assert (gathered.status.trouble, gathered.status.gone) == (FULL, gone)


TOLD: dict[str, Callable[[Gathering], None]] = {
    "trouble": lambda of: of.set_trouble(FULL),
    "files gone": lambda of: of.set_trouble(FULL, gone=True),
    "no trouble any more": lambda of: of.set_trouble(""),
    "another link": lambda of: of.set_link(Link.RECONNECTING, "it does not answer"),
    "tried again at": lambda of: of.set_link(Link.RECONNECTING, "it does not answer", retry_at=30.0),
    "tried again later": lambda of: of.set_link(Link.RECONNECTING, "it does not answer", retry_at=60.0),
    "tried now": lambda of: of.set_link(Link.RECONNECTING, "it does not answer: trying again"),
    "for another reason": lambda of: of.set_link(Link.RECONNECTING, "it has no route"),
    "over": lambda of: of.set_link(Link.CRASHED, "read from the file"),
    "seen as crashed": lambda of: of.set_link(Link.CRASHED, "read from the file", seen=Status.CRASHED),
}


async def test_every_change_of_the_link_and_of_trouble_wakes_the_viewer_at_once_and_nothing_else_does() -> None:
    gathered = live()
    for name, tell in TOLD.items():
        tell(gathered)
        await gathered.wait()
        assert gathered.drain().link, name
        tell(gathered)
        assert not gathered.drain(), f"{name}: said again it is nothing new"


def test_while_the_link_is_broken_the_newest_reason_and_time_are_told() -> None:
    gathered = live()
    gathered.set_link(Link.RECONNECTING, "it does not answer", retry_at=30.0)
    gathered.set_link(Link.RECONNECTING, "it has no route", retry_at=60.0)
    assert (gathered.status.note, gathered.status.retry_at) == ("it has no route", 60.0)
    gathered.set_link(Link.RECONNECTING, "it has no route: trying again")
    assert (gathered.status.note, gathered.status.retry_at) == ("it has no route: trying again", None)
    gathered.set_link(Link.CRASHED, "no host lives")
    assert gathered.status.seen is None
    gathered.set_link(Link.CRASHED, "no host lives", seen=Status.CRASHED)
    assert gathered.status.seen is Status.CRASHED
