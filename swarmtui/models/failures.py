"""What a provider's refusal means: HTTP status, headers and error body -> the error taxonomy. Pure.

The taxonomy matters more than the status: 429 with ``insufficient_quota`` will never succeed, 400 with a full window
needs a shorter prompt, 529 is another word for 429.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime

from swarmtui.plan.model import JSON, ModelRef
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind

MAX_RETRY_AFTER_S = 600.0
"""A provider that asks for a longer wait is asked again after this: its word is a hint, not a command."""

_QUOTE_CHARS = 240
_TOO_LONG = re.compile(
    r"context[_ ](length|size|window)|maximum context|too many (input )?tokens|reduce the length|max_prompt_tokens"
    r"|(prompt|input|request) is too (long|large)|exceed\w* the (model'?s )?(maximum|context)|string_above_max_length",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"insufficient[_ ](quota|balance|credit|funds)|billing_(hard_limit|not_active)|out of credits|payment required"
    r"|credit balance",
    re.IGNORECASE,
)
_SAID_WAIT = re.compile(r"(?:try again|retry) in (\d{1,6}(?:\.\d+)?) ?(ms|s)\b", re.IGNORECASE)
_NO_KEY = re.compile(r"api[_ ]key[_ ](not valid|invalid)|invalid[_ ](x-)?api[_ -]key|unregistered callers", re.I)
_FILTERED = re.compile(r"content[_ ](filter|policy)|safety (system|policy)", re.IGNORECASE)
_NO_MODEL = re.compile(r"model[_ ]not[_ ]found|model .{0,80}(does not exist|not found|not exist)|unknown model", re.I)


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait by the provider's word (lower-case `headers`), within 0..MAX_RETRY_AFTER_S; None if it says none.

    Understands ``retry-after-ms``, and ``retry-after`` in seconds or as an HTTP date, compared with the answer's own
    ``date``, since nobody's clock here is known to be right, else with `now` (seconds since the epoch). What is
    negative or no number counts as no word; a date in the past as zero.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return min(milliseconds / 1000, MAX_RETRY_AFTER_S) if milliseconds >= 0 else None
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None:
        return min(seconds, MAX_RETRY_AFTER_S) if seconds >= 0 else None
    at = _date(value)
    if at is None:
        return None
    said_at = _date(headers.get("date"))
    return min(max(at - (now if said_at is None else said_at), 0.0), MAX_RETRY_AFTER_S)


def _date(text: str | None) -> float | None:
    """An HTTP date in seconds since the epoch."""
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, TypeError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and not math.isnan(value) else None


def one_line(text: str, limit: int = _QUOTE_CHARS) -> str:
    """`text` on one line, without lone surrogates, cut to `limit` characters."""
    text = " ".join(well_formed(text[: limit * 8]).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def well_formed(text: str) -> str:
    """`text` with lone surrogates, which no file or socket takes, replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def read_json(text: str) -> JSON:
    """`text` parsed. Raises ValueError for whatever is not JSON, nesting beyond reason included."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def write_json(value: JSON) -> str:
    """`value` as JSON text. Raises ValueError where it is nested beyond reason."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def error_body(body: str) -> tuple[str, str]:
    """(message, code) that an error body holds, in whichever of the known shapes; the text itself when in none."""
    try:
        data = read_json(body)
    except ValueError:
        return ("" if "<html" in body[:2000].lower() else body), ""
    return error_fields(data)


def error_fields(data: JSON) -> tuple[str, str]:
    """(message, code) of an error object, parsed."""
    if isinstance(data, list) and data:  # Gemini wraps its error in a list
        data = data[0]
    if not isinstance(data, dict):
        return (data if isinstance(data, str) else ""), ""
    error = data.get("error")
    if isinstance(error, dict):
        data = error
    elif isinstance(error, str):
        return error, ""
    message = next((data[key] for key in ("message", "detail", "msg") if isinstance(data.get(key), str)), "")
    if not message and data.get("detail"):  # FastAPI servers list what they could not accept
        with suppress(ValueError):
            message = write_json(data["detail"])
    code = " ".join(str(data[key]) for key in ("code", "type", "status") if isinstance(data.get(key), str))
    return message, code


def failure(
    model: ModelRef, status: int, message: str, code: str, headers: Mapping[str, str], *, now: float, host: str
) -> ErrorInfo:
    """What a reply of `status` with the error `message` and `code` means for a call of `model` on `host`."""
    told = f"{code} {message[:2000]}"
    about_key = status in (401, 403) or (status == 400 and _NO_KEY.search(told) is not None)
    kind, what = _verdict(model, status, told, headers, host, about_key=about_key)
    if not about_key and (said := one_line(message)):  # there many quote the key
        what += f": {said}"
    wait = None
    if kind in (ErrorKind.THROTTLED, ErrorKind.OUTAGE):
        wait = retry_after_s(headers, now)
        if wait is None and (in_words := _SAID_WAIT.search(told)):
            wait = min(float(in_words[1]) / (1000 if in_words[2].lower() == "ms" else 1), MAX_RETRY_AFTER_S)
    return ErrorInfo(kind, what, retry_after_s=wait)


def _verdict(  # a table, read from the top
    model: ModelRef, status: int, told: str, headers: Mapping[str, str], host: str, *, about_key: bool
) -> tuple[ErrorKind, str]:
    if status == 402 or (status in (400, 403, 429) and _NO_CREDIT.search(told)):
        return ErrorKind.REFUSED, f"{host} says that the account has no credit left ({status})"
    if status in (429, 529):
        return ErrorKind.THROTTLED, f"{host} says too many requests ({status})"
    if about_key:
        key = model.api_key_env
        if key is None:
            return ErrorKind.REFUSED, f"{host} wants a key ({status}): set api_key_env for {model.name}"
        return (
            ErrorKind.REFUSED,
            f"{host} refuses the key in {key} ({status}): is it valid and allowed {model.model}?",
        )
    if status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(told)):
        return ErrorKind.TOO_LONG, f"the request does not fit the window of {model.name} ({status})"
    if status == 404 or (status == 400 and _NO_MODEL.search(told)):
        return ErrorKind.REFUSED, f"{host} has no model {model.model!r}, or base_url is wrong ({status})"
    if status >= 500 or status in (408, 409, 425):
        return ErrorKind.OUTAGE, f"{host} failed ({status})"
    if 300 <= status < 400:
        where = one_line(headers.get("location", "elsewhere"))
        return ErrorKind.REFUSED, f"{host} redirects to {where}: put the address that answers in base_url"
    if _FILTERED.search(told):
        return ErrorKind.REFUSED, f"{host} withheld the reply for its content ({status})"
    return ErrorKind.REFUSED, f"{host} refuses the request ({status})"
