"""Who may call which tool: the first rule decides, and nothing an agent reads widens what it may do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.safety.permissions import Effect, Rule, decide

HARMLESS = [Effect.NONE, Effect.READ, Effect.NETWORK, Effect.RUN]


@pytest.mark.parametrize("effect", HARMLESS)
def test_what_changes_nothing_needs_no_rule(effect):
    assert decide((), "tool", {}, effect, tainted=True).action == "allow"


def test_what_may_change_the_world_is_asked_for():
    verdict = decide((), "mail", {}, Effect.WRITE)
    assert (verdict.action, verdict.why) == ("ask", "it may change something, and no rule of the plan is about it")


def test_leave_given_on_the_way_is_for_whom_it_was_given_and_counts_as_no_rule_of_the_plan():
    rules = (Rule("allow", "mail", only_for="a"), Rule("ask", "mail"))
    verdict = decide(rules, "mail", {}, Effect.WRITE, agent="a")
    assert (verdict.action, verdict.why) == ("allow", "the user allowed this tool for good")
    for who, tainted in (("b", False), (None, False), ("a", True)):
        verdict = decide(rules, "mail", {}, Effect.RUN, tainted=tainted, agent=who)
        assert (verdict.action, verdict.why) == ("ask", "rule 1 of the plan")


def test_the_first_rule_that_matches_decides():
    rules = (Rule("deny", "notes/delete"), Rule("allow", "notes/*"), Rule("deny", "*"))
    assert decide(rules, "notes/delete", {}, Effect.WRITE).action == "deny"
    assert decide(rules, "notes/append", {}, Effect.WRITE).action == "allow"
    assert decide(rules, "notesX", {}, Effect.NONE).action == "deny"


@pytest.mark.parametrize(
    ("arguments", "matches"),
    [
        ({"path": "docs/a.md"}, True),
        ({"path": "src/a.md"}, False),
        ({"path": "a docs/a.md"}, False),
        ({}, False),
        ({"path": ["docs/a", "b"]}, True),
        ({"path": {"docs/": 1}}, False),
    ],
)
def test_a_pattern_matches_an_argument_as_a_whole(arguments, matches):
    rules = (Rule("allow", "write", {"path": "docs/*"}), Rule("deny", "*"))
    assert (decide(rules, "write", arguments, Effect.WRITE).action == "allow") is matches


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("a b", "a b"),
        ("a\nb", "a*b"),
        (["git", "log", "-1"], "git log -1"),
        (["git", 1], '["git",1]'),
        ({"b": "ü", "a": [True, None]}, '{"a":[true,null],"b":"ü"}'),
    ],
)
def test_a_pattern_matches_words_as_a_command_line_and_other_values_as_compact_json(value, seen):
    rules = (Rule("allow", "call", {"what": seen}), Rule("deny", "*"))
    assert decide(rules, "call", {"what": value}, Effect.WRITE).action == "allow"


def test_what_only_begins_or_ends_like_a_pattern_does_not_match_it():
    rules = (Rule("allow", "mail", {"to": "me"}), Rule("deny", "*"))
    for tool, to in (("mail", "me@evil"), ("mail", "some"), ("mail", "me\n"), ("mails", "me"), ("email", "me")):
        assert decide(rules, tool, {"to": to}, Effect.WRITE).action == "deny"
    assert decide(rules, "mail", {"to": "me"}, Effect.WRITE).action == "allow"


def test_all_of_a_rule_s_arguments_have_to_match():
    rules = (Rule("allow", "mail", {"to": "me", "cc": "you"}), Rule("deny", "*"))
    assert decide(rules, "mail", {"to": "me", "cc": "all"}, Effect.WRITE).action == "deny"


def test_a_pattern_knows_the_star_and_nothing_else():
    rules = (Rule("allow", "a.b[c]?"), Rule("deny", "*"))
    assert decide(rules, "a.b[c]?", {}, Effect.WRITE).action == "allow"
    assert decide(rules, "aXbcX", {}, Effect.WRITE).action == "deny"


def test_an_agent_that_has_read_the_web_asks_for_what_a_rule_allows():
    rules = (Rule("allow", "mail", {"to": "me"}), Rule("allow", "log", untrusted=True))
    assert decide(rules, "mail", {"to": "me"}, Effect.WRITE).action == "allow"
    assert decide(rules, "mail", {"to": "me"}, Effect.WRITE, tainted=True).action == "ask"
    assert decide(rules, "log", {}, Effect.WRITE, tainted=True).action == "allow"


@pytest.mark.parametrize("effect", HARMLESS)
def test_what_changes_nothing_an_agent_may_do_by_a_rule_whatever_it_has_read(effect):
    assert decide((Rule("allow", "tool"),), "tool", {}, effect, tainted=True).action == "allow"


def test_the_rule_that_is_told_is_the_one_that_the_plan_counts_so():
    rules = (Rule("deny", "a"), Rule("allow", "x", only_for="me"), Rule("allow", "mail"))
    assert decide(rules, "mail", {}, Effect.WRITE).why == "rule 2 of the plan"
    assert decide(rules, "mail", {}, Effect.WRITE, tainted=True).why.startswith("rule 2 allows it, but")


names = st.text(alphabet="ab*/", min_size=1, max_size=4)
rule = st.builds(Rule, st.sampled_from(["allow", "ask", "deny"]), names, untrusted=st.booleans())


@given(st.lists(rule, max_size=5), names, st.sampled_from(list(Effect)))
def test_taint_never_turns_a_no_into_a_yes(rules, tool, effect):
    before = decide(rules, tool, {}, effect).action
    after = decide(rules, tool, {}, effect, tainted=True).action
    assert after == before or (before, after) == ("allow", "ask")
