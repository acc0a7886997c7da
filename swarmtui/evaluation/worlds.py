"""The worlds: what a provider's account allows and how it behaves, as data. Times in seconds of virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

HeaderStyle = Literal["none", "openai", "hostile"]
RetryAfter = Literal["none", "honest", "hostile"]


@dataclass(frozen=True, slots=True)
class Quota:
    """A token bucket: `per_minute` units flow in, at most `burst_s` seconds of that are kept."""

    per_minute: float
    burst_s: float = 6.0
    fill: float = 1.0
    """How full the bucket is at the start, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Slope:
    """A provider that refuses whatever grows faster than `growth` per `period_s`, above a `floor`."""

    growth: float = 1.3
    period_s: float = 10.0
    floor: int = 20
    of: Literal["in_flight", "rate"] = "in_flight"


@dataclass(frozen=True, slots=True)
class World:
    """A provider and the jobs it is given."""

    name: str
    title: str
    cap: tuple[tuple[float, int], ...] = ()
    """Greatest number of calls in flight, from a time on; empty: none."""
    rpm: Quota | None = None
    tpm: Quota | None = None
    refund: bool = True
    """Whether the tokens that were reserved and not used flow back when a call ends."""
    slots: int | None = None
    """Calls in flight beyond this slow every call down by (in flight / slots) ** `crowding`."""
    crowding: float = 1.5
    sharing: bool = False
    """Whether a call's speed follows the load while it runs, or is settled when it starts."""
    outages: tuple[tuple[float, float], ...] = ()
    """Start and length of each."""
    outage_kills: bool = False
    """Whether calls in flight die when an outage begins."""
    slope: Slope | None = None
    errors: float = 0.0
    """Share of calls that end in a 500 by chance."""
    malformed: float = 0.0
    poison: float = 0.0
    """Share of jobs whose every answer is malformed."""
    headers: HeaderStyle = "none"
    retry_after: RetryAfter = "none"
    mean_s: float = 10.6
    ttft_s: float = 1.0
    max_tokens: int = 800
    refusal_s: float = 0.15
    streams: bool = True
    """Whether first tokens are seen."""
    estimates: bool = True
    """Whether the client says how many tokens a call will take."""
    counts: bool = True
    """Whether an answer tells how many tokens it took."""


def built_in() -> Mapping[str, World]:
    """The worlds of the table, by number."""
    request_quota = Quota(300)
    worlds = (
        World("01", "steady, generous", cap=((0, 300),), rpm=Quota(2400, 15), headers="openai", errors=0.005),
        World("02", "tight cap", cap=((0, 12),)),
        World("03", "tight RPM, headers", rpm=request_quota, headers="openai"),
        World("04", "TPM", tpm=Quota(325_000, 15), headers="openai", retry_after="honest"),
        World("05", "cap drops", cap=((0, 80), (180, 24))),
        World("06", "cap rises", cap=((0, 16), (420, 120))),
        World("07", "load latency", slots=40),
        World("08", "outages", cap=((0, 60),), outages=tuple((100 + 140 * n, 25) for n in range(200))),
        World(
            "09",
            "hostile",
            cap=((0, 40),),
            malformed=0.08,
            poison=0.01,
            errors=0.02,
            headers="hostile",
            retry_after="hostile",
        ),
        World(
            "10",
            "mixed",
            cap=((0, 80), (200, 25), (300, 80), (500, 40), (600, 80)),
            rpm=Quota(330),
            headers="openai",
            retry_after="honest",
            outages=tuple((120 + 160 * n, 20) for n in range(200)),
            errors=0.02,
            malformed=0.02,
        ),
        World("11", "slope of growth", cap=((0, 200),), slope=Slope()),
        World("13", "tight RPM, blind", rpm=request_quota),
    )
    return {world.name: world for world in worlds}


def variants() -> Mapping[str, World]:
    """Worlds like the built-in ones with other numbers, to see whether a rule was fitted to those."""
    base = built_in()
    made: list[World] = []

    def vary(number: str, suffix: str, **changes: object) -> None:
        world = base[number]
        made.append(replace(world, name=f"{number}{suffix}", title=f"{world.title} {suffix}", **changes))  # type: ignore[arg-type]

    for number in ("01", "02", "03", "04", "05", "06", "07", "09", "11", "13"):
        vary(number, "-fast", mean_s=2.0, ttft_s=0.4)
        vary(number, "-slow", mean_s=60.0, ttft_s=2.0)
    vary("01", "-cap900", cap=((0, 900),), rpm=None, headers="none")
    vary("01", "-nostream", streams=False)
    vary("02", "-cap3", cap=((0, 3),))
    vary("02", "-cap35", cap=((0, 35),))
    vary("02", "-nostream", streams=False)
    vary("02", "-nocounts", counts=False)
    vary("03", "-minute", rpm=Quota(300, 60))
    vary("03", "-empty", rpm=Quota(300, 60, 0.0))
    vary("03", "-tiny", rpm=Quota(60, 10))
    vary("03", "-wide", rpm=Quota(1200, 2))
    vary("04", "-minute", tpm=Quota(325_000, 60, 0.5))
    vary("04", "-norefund", refund=False, tpm=Quota(500_000, 15))
    vary("04", "-blind", headers="none", retry_after="none", estimates=False)
    vary("05", "-deep", cap=((0, 200), (60, 10)))
    vary("06", "-early", cap=((0, 30), (200, 90)))
    vary("07", "-slots100", slots=100)
    vary("07", "-slots15", slots=15)
    vary("07", "-sharing", sharing=True)
    vary("07", "-queue", sharing=True, crowding=1.0)
    vary("08", "-long", outages=((150, 120),))
    vary("08", "-kills", outage_kills=True)
    vary("08", "-seldom", outages=tuple((60 + 300 * n, 40) for n in range(90)))
    vary("10", "-blind", headers="none", retry_after="none")
    vary("11", "-rate", slope=Slope(of="rate", floor=30))
    vary("11", "-steep", slope=Slope(1.5, 10.0, 10))
    vary("13", "-minute", rpm=Quota(300, 60))
    vary("13", "-empty", rpm=Quota(300, 60, 0.0))
    vary("13", "-tiny", rpm=Quota(60, 10))
    vary("13", "-wide", rpm=Quota(1200, 2))
    return {world.name: world for world in made}
