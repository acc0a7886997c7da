"""Whether and when a failed attempt is tried again: pure, the randomness is the caller's."""

from __future__ import annotations

from random import Random

from swarmtui.plan.model import Retry
from swarmtui.session.vocabulary import RETRYABLE, ErrorInfo, retries_after

LONGEST_WORD_S = 120.0
"""A provider's own Retry-After counts up to this: beyond it we ask again rather than believe."""


def retry_in_s(policy: Retry, error: ErrorInfo, tries: int, rng: Random) -> float | None:
    """Seconds until the next try after `tries` that counted, None for no more.

    Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", 2015), never before the
    provider's own Retry-After.
    """
    if error.kind not in RETRYABLE:
        return None
    if tries > retries_after(policy.limit, error.kind):
        return None
    wait = rng.uniform(0.0, min(policy.cap_s, policy.base_s * 2.0 ** min(tries - 1, 30)))
    if error.retry_after_s is not None:
        wait += min(max(error.retry_after_s, 0.0), LONGEST_WORD_S)
    return wait


def throttled_in_s(error: ErrorInfo, throttles: int, rng: Random) -> float:
    """Seconds until a throttled attempt goes again, after `throttles` refusals in a row; it is never given up."""
    if error.retry_after_s is not None:
        word = min(max(error.retry_after_s, 0.0), LONGEST_WORD_S)
        return word + rng.uniform(0.0, max(0.5, word * 0.1))  # jitter, or all who heard the word return at once
    return rng.uniform(0.5, min(30.0, 1.0 * 2.0 ** min(throttles, 10)))
