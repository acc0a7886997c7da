import logging
import pickle
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from swarmtui.safety.redact import RedactingFormatter, Redactor, Secret, secrets_from_env

KNOWN = "hunter2-correct-horse"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEow+/AB=\n-----END RSA PRIVATE KEY-----"
SHAPES = {
    "openai": ("sk-proj-abc123DEF456ghi789JKL", "***"),
    "anthropic": ("sk-ant-api03-abcDEF123456_xyz-000", "***"),
    "google": ("AIza" + "SyA-1234567890abcdefghijklmnopqrstu", "***"),
    "github classic": ("ghp_" + "a1B2" * 9, "***"),
    "github server": ("ghs_" + "a1B2" * 9, "***"),
    "github fine grained": ("github_pat_11ABCDEFG0" + "x" * 30, "***"),
    "slack": ("xoxb-123456789012-abcdefABCDEF", "***"),
    "aws": ("AKIAIOSFODNN7EXAMPLE", "***"),
    "bearer": ("Authorization: Bearer abcdef0123456789abcdef==", "Authorization: Bearer ***"),
    "jwt": (JWT, "***"),
    "url key": ("https://x.test/v1?alt=sse&key=abc123&b=1", "https://x.test/v1?alt=sse&key=***&b=1"),
    "url api_key": ("https://x.test/?api_key=abc123#top", "https://x.test/?api_key=***#top"),
    "url X-Amz-Signature": ("https://x.test/?X-Amz-Signature=abc123", "https://x.test/?X-Amz-Signature=***"),
    "url password": ("postgres://me:pa55word@db/x", "postgres://me:***@db/x"),
    "private key": (PEM, "***"),
    "known": (KNOWN, "***"),
}
PLAIN = [
    "risk-assessment-of-something-long-1234567890",
    "sk-learn-contrib-and-other-words-without-figures",
    "the bearer of good news and of understanding",
    "def f(key=1, token=2): return key == token",
    "https://example.com/a?page=2&monkey=abc",
    "http://localhost:8000/path/user@host",
    "-----BEGIN CERTIFICATE-----",
    "eyJust a word",
]


def redactor() -> Redactor:
    return Redactor([Secret(KNOWN), Secret("short"), Secret(KNOWN + "-longer")])


@pytest.mark.parametrize("name", SHAPES)
def test_a_secret_is_replaced_wherever_it_stands(name: str) -> None:
    secret, shown = SHAPES[name]
    for before, after in (("", ""), ("text ", " text"), ('{"a": "', '"}'), ("line\n", "\nline")):
        assert redactor().redact(before + secret + after) == before + shown + after


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redactor().redact(text) is text


def test_a_text_that_only_begins_like_a_private_key_keeps_its_rest() -> None:
    shown = redactor().redact('if "-----BEGIN PRIVATE KEY-----" in text: stop()')
    assert shown == 'if "***" in text: stop()'


def test_a_secret_within_a_longer_one_leaves_no_rest() -> None:
    assert redactor().redact(f"<{KNOWN}-longer>") == "<***>"


def test_short_values_are_not_searched_for() -> None:
    assert redactor().redact("a short text") == "a short text"


def test_a_known_secret_is_found_in_its_url_form() -> None:
    assert Redactor([Secret("pass word/+1")]).redact("?q=pass%20word%2F%2B1;") == "?q=***;"


@given(st.lists(st.sampled_from([secret for secret, _ in SHAPES.values()]) | st.text(max_size=9)).map(" ".join))
def test_redacted_text_stays_as_it_is(text: str) -> None:
    once = redactor().redact(text)
    assert redactor().redact(once) == once


def test_json_is_redacted_to_any_depth_and_keeps_its_shape() -> None:
    data = {"a": [1, None, {"b": f"x {KNOWN}"}], KNOWN: True, "api_key": "anything", "api_key_env": "OPENAI_API_KEY"}
    assert redactor().redact_json(data) == {
        "a": [1, None, {"b": "x ***"}],
        "***": True,
        "api_key": "***",
        "api_key_env": "OPENAI_API_KEY",
    }


def test_json_too_deep_to_walk_shows_nothing() -> None:
    deep: object = KNOWN
    for _ in range(100_000):
        deep = [deep]
    shallow = redactor().redact_json(deep)
    assert KNOWN not in repr(shallow)
    while isinstance(deep, list):  # taken apart by hand: a deep list overflows the stack when it is freed at once
        deep = deep.pop()


@pytest.mark.parametrize("name", SHAPES)
def test_a_secret_split_over_chunks_never_shows(name: str) -> None:
    secret, shown = SHAPES[name]
    text = f"before {secret} after\nnext\n"
    for cut in range(len(text) + 1):
        stream = redactor().stream()
        assert stream.feed(text[:cut]) + stream.feed(text[cut:]) + stream.flush() == f"before {shown} after\nnext\n"


def test_a_stream_lets_whole_lines_go_at_once() -> None:
    stream = redactor().stream()
    assert stream.feed("one\ntwo") == "one\n"
    assert stream.feed("\n") == "two\n"


@example("private key", [1] * 200, True)
@given(st.sampled_from(sorted(SHAPES)), st.lists(st.integers(1, 9), min_size=1, max_size=200), st.booleans())
def test_a_secret_never_shows_however_a_live_text_is_cut(name: str, sizes: list[int], live: bool) -> None:
    secret, shown = SHAPES[name]
    whole = f"before {secret} after\nnext"
    stream, rest, let_go = redactor().stream(live=live), whole, ""
    for size in sizes:
        let_go += stream.feed(rest[:size])
        rest = rest[size:]
        assert f"before {shown} after\nnext".startswith(let_go)
    assert let_go + stream.feed(rest) + stream.flush() == f"before {shown} after\nnext"


def test_a_live_stream_holds_back_one_word() -> None:
    stream = redactor().stream(live=True)
    assert [stream.feed(word) for word in ("It", " is", " so", ", and\n")] == ["", "It ", "is ", "so, and\n"]
    assert stream.feed("\u4f60\u597d") == "\u4f60\u597d"


def test_a_secret_of_several_words_never_shows_in_a_live_stream() -> None:
    stream = Redactor([Secret("correct horse battery")]).stream(live=True)
    assert stream.feed("a correct") + stream.feed(" horse ") + stream.feed("battery ") == "a *** "
    assert stream.feed("correct ") + stream.feed("answer ") == "correct answer "


@pytest.mark.parametrize("secret", ["sk-proj-abc123DEF456ghi789JKL", KNOWN])
def test_a_stream_without_lines_takes_bounded_memory_and_hides_secrets(secret: str) -> None:
    stream = redactor().stream()
    text = (" " + "x" * 999 + " " + secret) * 400
    shown = []
    for start in range(0, len(text), 777):
        shown.append(stream.feed(text[start : start + 777]))
        assert len(stream._held) <= 70_000
    assert "".join([*shown, stream.flush()]) == text.replace(secret, "***")


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(KNOWN)
    assert KNOWN not in f"{secret} {secret!r} {[secret]} %s" % secret
    assert secret.reveal() == KNOWN
    assert secret == Secret(KNOWN)
    assert secret != Secret("another")
    assert secret != KNOWN
    assert not Secret("")
    with pytest.raises(TypeError, match="never serialised"):
        pickle.dumps(secret)


def test_secrets_are_found_in_the_environment_by_name() -> None:
    environ = {
        "OPENAI_API_KEY": "abcdefgh1",
        "MY_TOKEN": "abcdefgh2",
        "db_password": "abcdefgh3",
        "SSH_KEY_PATH": "/home/me/.ssh/id",
        "MAX_TOKENS": "1000000000",
        "A_SECRET": "short",
        "PATH": "/usr/bin:/bin:/x",
    }
    assert {secret.reveal() for secret in secrets_from_env(environ)} == {"abcdefgh1", "abcdefgh2", "abcdefgh3"}


def test_tracebacks_are_redacted() -> None:
    try:
        raise ValueError(f"key was {KNOWN}")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "with %s", (KNOWN,), sys.exc_info())
    line = RedactingFormatter(redactor(), "%(levelname)s %(message)s").format(record)
    assert line.startswith("ERROR with ***\nTraceback")
    assert KNOWN not in line
