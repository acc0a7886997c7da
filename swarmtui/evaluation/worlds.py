"""The worlds: what a provider's account allows and how it behaves, as data. Times in seconds of virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from swarmtui.frozen import frozen

HeaderStyle = Literal["none", "openai", "hostile"]
RetryAfter = Literal["none", "honest", "hostile"]


@frozen
class Quota:
    """A token bucket: `per_minute` units flow in, at most `burst_s` seconds of that are kept."""

    per_minute: float
    burst_s: float = 6.0
    fill: float = 1.0
    """How full the bucket is at the start, 0 to 1."""


@frozen
class Slope:
    """A provider that refuses whatever grows faster than `growth` per `period_s`, above a `floor`."""

    growth: float = 1.3
    period_s: float = 10.0
    floor: int = 20
    of: Literal["in_flight", "rate"] = "in_flight"


@frozen
class Lump:
    """A quota that comes back all at once: `calls` per `period_s`, the first boundary after `phase_s`."""

    calls: int
    period_s: float
    phase_s: float = 0.0
    sliding: bool = False
    """Whether it is the last `period_s` that count, at any moment."""
    refused_count: bool = False
    """Whether a call counts that was refused; only where it is sliding."""


@frozen
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
    lag_s: float = 0.0
    """How long a call that has ended still counts as in flight."""
    lump: Lump | None = None
    refusing: tuple[tuple[float, float], ...] = ()
    """Start and length of times in which every call is refused."""
    chance: float = 0.0
    """Share of calls that are refused, whatever is sent."""
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
    vary("07", "-linear", crowding=1.0)
    vary("07", "-nostream", streams=False)
    vary("08", "-long", outages=((150, 120),))
    vary("08", "-kills", outage_kills=True)
    vary("08", "-seldom", outages=tuple((60 + 300 * n, 40) for n in range(90)))
    vary("10", "-blind", headers="none", retry_after="none")
    vary("11", "-rate", slope=Slope(of="rate", floor=30))
    vary("11", "-gentle", slope=Slope(1.15))
    vary("11", "-nostream", streams=False)
    vary("11", "-steep", slope=Slope(1.5, 10.0, 10))
    vary("13", "-minute", rpm=Quota(300, 60))
    vary("13", "-minute-fast", rpm=Quota(300, 60), cap=((0, 300),), mean_s=2.0, ttft_s=0.2)
    vary("13", "-empty", rpm=Quota(300, 60, 0.0))
    vary("13", "-tiny", rpm=Quota(60, 10))
    vary("13", "-wide", rpm=Quota(1200, 2))
    return {world.name: world for world in (*made, *others())}


def others() -> tuple[World, ...]:
    """Providers that behave in another way than any of the built-in ones."""
    return (
        World("20", "refuses all of the first minute", cap=((0, 100),), refusing=((0, 60),)),
        World("20-middle", "refuses all for 90 s", cap=((0, 100),), refusing=((60, 90),)),
        World(
            "20-often",
            "refuses all now and then",
            cap=((0, 40),),
            refusing=tuple((60 + 200 * n, 40) for n in range(99)),
        ),
        World(
            "20-told", "refuses all, and says until when", cap=((0, 100),), refusing=((60, 90),), retry_after="honest"
        ),
        World("21", "3 a minute, one at once", rpm=Quota(3, 0.1), mean_s=5.0),
        World("21-twenty", "20 a minute, 20 at once", rpm=Quota(20, 60)),
        World("21-ten", "10 a second, 10 at once", rpm=Quota(600, 1)),
        World("21-burst", "10 a second, 600 at once", rpm=Quota(600, 60)),
        World("21-second", "1 a second, one at once", rpm=Quota(60, 0.1)),
        World("22", "100 per minute, at once", lump=Lump(100, 60)),
        World("22-phase", "100 per minute, from a moment on", lump=Lump(100, 60, 37)),
        World("22-hour", "1000 per hour, at once", lump=Lump(1000, 3600, 1500)),
        World("22-small", "20 per minute, at once", lump=Lump(20, 60, 11)),
        World("22-second", "20 per 10 s, at once", lump=Lump(20, 10, 3), mean_s=1.0, ttft_s=0.2),
        World("22-sliding", "100 in any minute", lump=Lump(100, 60, sliding=True)),
        World(
            "22-penalty",
            "4 in any 4 s, refusals counted",
            lump=Lump(4, 4, sliding=True, refused_count=True),
            mean_s=1.0,
            ttft_s=0.2,
        ),
        World("23", "refuses one in ten by chance", cap=((0, 200),), chance=0.1),
        World("23-half", "refuses one in two by chance", cap=((0, 60),), chance=0.5),
        World("23-few", "refuses one in thirty by chance", cap=((0, 100),), chance=0.033),
        World("24", "one at once", cap=((0, 1),)),
        World("24-quick", "4 at once, 20 ms each", cap=((0, 4),), mean_s=0.02, ttft_s=0.01),
        World("24-half", "50 at once, 0.5 s each", cap=((0, 50),), mean_s=0.5, ttft_s=0.2),
        World("24-two", "2 at once, 0.2 s each", cap=((0, 2),), mean_s=0.2, ttft_s=0.05),
        World("24-2500", "2500 at once, 20 s each", cap=((0, 2500),), mean_s=20.0),
        World("24-2000-slow", "2000 at once, 60 s each", cap=((0, 2000),), mean_s=60.0),
        World("24-idle", "20 at once, counted 4 s longer", cap=((0, 20),), lag_s=4.0),
        World(
            "24-idle-quick",
            "40 at once, counted 4 s longer, 1 s each",
            cap=((0, 40),),
            lag_s=4.0,
            mean_s=1.0,
            ttft_s=0.2,
        ),
        World("24-mute", "30 at once, 60 s each, nothing streamed", cap=((0, 30),), mean_s=60.0, streams=False),
    )
