"""Who may use the page."""

from __future__ import annotations

import pytest

from swarmtui.web.gate import NO_KEY, OUTSIDE, Gate, name_of, refusal

GATE = Gate("the-key")


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:9000", "LOCALHOST", "[::1]:80"])
def test_loopback_is_let_in_whatever_the_port_for_links_go_through_ssh(host: str) -> None:
    assert refusal(host) is None
    assert GATE.typing_refusal(host, f"http://{host}", "the-key") is None


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8765", "10.0.0.3:8765", "", "localhost.:80", "[::2]"]
)
def test_a_name_that_was_pointed_at_this_machine_is_turned_away(host: str) -> None:
    assert refusal(host) == OUTSIDE
    assert GATE.typing_refusal(host, f"http://{host}", "the-key") == OUTSIDE


@pytest.mark.parametrize(
    "origin",
    [
        "http://[x",
        None,
        "null",
        "http://evil.example",
        "https://127.0.0.1:8765",
        "http://127.0.0.1:9999",
        "http://localhost:8765",
        "",
    ],
)
def test_only_the_page_itself_may_type(origin: str | None) -> None:
    assert GATE.typing_refusal("127.0.0.1:8765", origin, "the-key") == OUTSIDE


@pytest.mark.parametrize("key", ["", "the-ke", "the-key ", "THE-KEY", "ключ"])
def test_the_key_must_be_right(key: str) -> None:
    assert GATE.typing_refusal("localhost:1", "http://localhost:1", key) == NO_KEY


def test_no_two_gates_have_one_key_and_a_key_is_not_printed_by_accident() -> None:
    keys = {Gate().key for _ in range(20)}
    assert len(keys) == 20
    assert min(map(len, keys)) >= 32
    assert "the-key" not in repr(GATE)


def test_a_name_is_told_from_its_port() -> None:
    assert [name_of(host) for host in ("a:1", "a", "[::1]:2", "[::1]")] == ["a", "a", "[::1]", "[::1]"]
