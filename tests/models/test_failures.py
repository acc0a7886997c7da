"""Which kind of error a provider's refusal is, and when it asks to be called again."""

import json
from email.utils import formatdate

import pytest

from swarmtui.models.failures import MAX_RETRY_AFTER_S, error_body, failure, one_line, retry_after_s, well_formed
from swarmtui.plan.model import ModelRef
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind

REF = ModelRef("acme", "m-1", base_url="https://acme.test/v1", api_key_env="ACME_API_KEY")
NOW = 1_800_000_000.0


def told(status: int, body: object = "", **headers: str) -> ErrorInfo:
    message, code = error_body(body if isinstance(body, str) else json.dumps(body))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return failure(REF, status, message, code, named, now=NOW, host="acme.test")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"error": {"message": "Rate limit exceeded"}}, ErrorKind.THROTTLED),
        (529, {"error": {"message": "Overloaded"}}, ErrorKind.THROTTLED),
        (
            429,
            {"error": {"message": "You exceeded it", "code": "insufficient_quota"}},
            ErrorKind.REFUSED,
        ),
        (429, [{"error": {"message": "quota, see your billing details", "status": "EXHAUSTED"}}], ErrorKind.THROTTLED),
        (402, {"error": {"message": "Insufficient Balance"}}, ErrorKind.REFUSED),
        (401, {"error": {"message": "bad key"}}, ErrorKind.REFUSED),
        (403, "", ErrorKind.REFUSED),
        (400, {"error": {"message": "x", "code": "context_length_exceeded"}}, ErrorKind.TOO_LONG),
        (400, {"error": {"message": "This model's maximum context length is 8192 tokens."}}, ErrorKind.TOO_LONG),
        (400, {"object": "error", "message": "prompt is too long: 9 tokens", "code": 400}, ErrorKind.TOO_LONG),
        (413, "", ErrorKind.TOO_LONG),
        (400, {"detail": [{"loc": ["body"], "msg": "field required"}]}, ErrorKind.REFUSED),
        (400, {"error": {"code": "content_filter", "message": "m"}}, ErrorKind.REFUSED),
        (404, {"error": {"message": "The model `m-1` does not exist"}}, ErrorKind.REFUSED),
        (422, "", ErrorKind.REFUSED),
        (307, "", ErrorKind.REFUSED),
        (408, "", ErrorKind.OUTAGE),
        (500, "", ErrorKind.OUTAGE),
        (502, "<html>bad gateway</html>", ErrorKind.OUTAGE),
        (503, "", ErrorKind.OUTAGE),
    ],
)
def test_each_refusal_has_its_kind(status: int, body: object, kind: ErrorKind) -> None:
    assert told(status, body).kind is kind


def test_a_refused_key_is_named_by_its_variable_and_the_providers_words_are_not_repeated() -> None:
    message = told(401, {"error": {"message": "Incorrect API key provided: sk-abcdef"}}).message
    assert "ACME_API_KEY" in message
    assert "sk-abc" not in message


def test_an_unknown_model_is_named() -> None:
    assert "'m-1'" in told(404, {"error": "nope"}).message


def test_a_redirect_says_where_to() -> None:
    assert "https://new.test" in told(301, location="https://new.test").message


def test_html_is_not_quoted() -> None:
    assert "<" not in told(502, "<!doctype html><html><b>nginx</b></html>").message


def test_messages_are_one_line_of_bounded_length() -> None:
    message = told(500, {"error": {"message": "a\nb\r\n" + "x" * 100_000}}).message
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, MAX_RETRY_AFTER_S),
        ({"retry-after": "1e9"}, MAX_RETRY_AFTER_S),
        ({"retry-after": formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(NOW - 30, usegmt=True)}, 0.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, MAX_RETRY_AFTER_S),
        ({"retry-after": "Fri, 99 Foo 2000 23:59:59 GMT"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "-5"}, None),
    ],
)
def test_the_wait_is_what_the_provider_says_within_bounds(headers: dict[str, str], wait: float | None) -> None:
    assert retry_after_s(headers, NOW) == wait


def test_a_wait_that_is_said_in_words_counts_too() -> None:
    assert told(429, {"error": {"message": "Limit reached. Please try again in 320ms."}}).retry_after_s == 0.32
    assert told(429, {"error": {"message": "Please retry in 36.5s."}}, retry_after="2").retry_after_s == 2.0


def test_a_refusal_carries_no_wait() -> None:
    assert told(400, "", retry_after="5").retry_after_s is None


def test_lone_surrogates_are_replaced_and_whole_characters_kept() -> None:
    assert well_formed("a\ud800b") == "a\ufffdb"
    assert well_formed("é😀") == "é😀"
    assert one_line("a\ud800\n b") == "a\ufffd b"


@pytest.mark.parametrize("off_s", [-86_400, -3_600, 3_600, 86_400])
def test_a_date_is_told_against_the_providers_own_clock_not_ours(off_s: int) -> None:
    headers = {"date": formatdate(NOW, usegmt=True), "retry-after": formatdate(NOW + 30, usegmt=True)}
    assert retry_after_s(headers, NOW + off_s) == 30.0
