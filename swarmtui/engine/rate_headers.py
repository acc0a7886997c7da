"""What a provider's answer says of its limits: every header dialect that is in use, read with suspicion.

Dialects: OpenAI ``x-ratelimit-{limit,remaining,reset}-{requests,tokens}`` (reset as ``12ms`` or ``6m0s``), Anthropic
``anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`` (reset as RFC 3339), Kimi
``x-ratelimit-{limit,remaining,reset}``, ``retry-after-ms``, ``retry-after`` in seconds or as an HTTP date. A value
that is not a finite number, is negative, or is a limit that is not positive, is as good as absent (Azure sends -1).
Dates are told against the answer's own ``date`` header, since nobody's clock here is known to be right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from swarmtui.frozen import frozen

LONGEST_VALUE = 64
LARGEST = 1e13
LONGEST_S = 400 * 86400.0
EPOCH_FROM = 1e9
"""A reset greater than this is a time, not a duration."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|s|m|h|d)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class _Names(NamedTuple):
    """The headers that tell of one bucket."""

    limit: str
    remaining: str
    reset: str


def _names(pattern: str) -> _Names:
    return _Names(*(pattern.format(part) for part in _Names._fields))


_OF_REQUESTS = tuple(
    map(_names, ("x-ratelimit-{}-requests", "anthropic-ratelimit-requests-{}", "x-ratelimit-{}", "ratelimit-{}"))
)
_OF_TOKENS = _names("x-ratelimit-{}-tokens")
_OF_KINDS = tuple(_names(f"anthropic-ratelimit-{kind}-{{}}") for kind in ("tokens", "input-tokens", "output-tokens"))
_INTERESTING = ("ratelimit", "retry-after")


@frozen
class Level:
    """One bucket as the provider tells it."""

    limit: float
    remaining: float
    reset_s: float | None
    """Seconds until it is full again, or until its window ends: providers differ."""


@frozen
class RateHeaders:
    """What was said and can be believed."""

    requests: Level | None = None
    tokens: Level | None = None
    retry_after_s: float | None = None
    nonsense: bool = False
    """Whether a limit or a level was told that cannot be true."""


NOTHING = RateHeaders()


def read_headers(headers: Mapping[str, str]) -> RateHeaders:
    """All that `headers` say of limits, whatever the dialect and the case of the names."""
    if not headers:
        return NOTHING
    named = _lowered(headers)
    if not named:
        return NOTHING
    date = named.get("date")
    requests = next((level for names in _OF_REQUESTS if (level := _level(named, names, date))), None)
    tokens = _level(named, _OF_TOKENS, date) or _tightest([_level(named, names, date) for names in _OF_KINDS])
    return RateHeaders(requests, tokens, _retry_after(named, date), _nonsense(named))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds after which the provider wants to be asked again; None when it did not say, or nonsense."""
    if not headers:
        return None
    named = _lowered(headers)
    return _retry_after(named, named.get("date")) if named else None


def seconds(text: str) -> float | None:
    """``12ms``, ``6m0s``, ``1h2m3.5s`` or plain seconds; None for anything else."""
    text = text.strip()
    number = _number(text)
    if number is not None:
        return number
    total, at = 0.0, 0
    for match in _DURATION.finditer(text[:LONGEST_VALUE]):
        if match.start() != at:
            return None
        total += float(match[1]) * _SECONDS[match[2]]
        at = match.end()
    return total if 0 < at == len(text) and total <= LONGEST_S else None


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that matter here, with names in lower case; values that are no short text are left out."""
    named: dict[str, str] = {}
    told = False
    for name, value in headers.items():
        low = name.lower()
        if low == "date" or any(word in low for word in _INTERESTING):
            told = told or low != "date"
            if isinstance(value, str) and len(value) <= LONGEST_VALUE:
                named[low] = value
    return named if told else {}


def _number(text: str | None) -> float | None:
    """A finite number from 0 to a million million."""
    if text is None or not text.isascii() or "_" in text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= LARGEST else None


def _level(named: Mapping[str, str], names: _Names, date: str | None) -> Level | None:
    if names.remaining not in named:
        return None
    remaining, limit = _number(named[names.remaining]), _number(named.get(names.limit))
    if remaining is None or not limit or remaining > limit:
        return None
    return Level(limit, remaining, _until(named.get(names.reset), date))


def _nonsense(named: Mapping[str, str]) -> bool:
    """Whether any limit or level is no number, negative or absurd, or there is more left than there may be."""
    for name, text in named.items():
        if "limit" in name.replace("ratelimit", "") and not _number(text):
            return True
        if "remaining" in name:
            left, limit = _number(text), _number(named.get(name.replace("remaining", "limit")))
            if left is None or (limit is not None and left > limit):
                return True
    return False


def _tightest(levels: list[Level | None]) -> Level | None:
    """The bucket that is emptiest by share."""
    known = [level for level in levels if level is not None]
    return min(known, key=lambda level: level.remaining / level.limit, default=None)


def _until(text: str | None, date: str | None) -> float | None:
    """Seconds until a reset, told as a duration, seconds, an epoch time (seconds or ms) or an RFC 3339 time."""
    if text is None:
        return None
    value = seconds(text)
    if value is not None and value < EPOCH_FROM:
        return value if value <= LONGEST_S else None
    answered = _date(date)
    if answered is None:
        return None
    at: float | None = None
    if value is not None:
        at = value / 1000 if value > 1e11 else value
    else:
        try:
            when = datetime.fromisoformat(text.strip())
            at = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    left = at - answered.timestamp()
    return left if 0 <= left <= LONGEST_S else None


def _retry_after(named: Mapping[str, str], date: str | None) -> float | None:
    thousandths = _number(named.get("retry-after-ms"))
    if thousandths is not None:
        return thousandths / 1000 if thousandths / 1000 <= LONGEST_S else None
    text = named.get("retry-after")
    if text is None:
        return None
    value = seconds(text)
    if value is not None:
        return value if value <= LONGEST_S else None
    at, answered = _date(text), _date(date)
    if at is None or answered is None:
        return None
    left = at.timestamp() - answered.timestamp()
    return left if 0 <= left <= LONGEST_S else None


def _date(text: str | None) -> datetime | None:
    """An HTTP date."""
    if text is None:
        return None
    try:
        when = parsedate_to_datetime(text)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        when.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when
