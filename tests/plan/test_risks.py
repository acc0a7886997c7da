"""What a plan would let out or reach, and what cannot work."""

from __future__ import annotations

from dataclasses import replace

from swarmtui.plan.model import Author, ModelRef, Node, Plan, PromptSpec
from swarmtui.plan.risks import Reach, overlong, reaches, sandboxed, secrets, unsandboxed
from swarmtui.plan.taskfile import parse_task


def plan_of(text: str) -> Plan:
    plan = parse_task(text).plan
    assert plan is not None
    return plan


TEAM = """
goal: g
agents:
  reader: {tools: [crawl, read_file]}
  far: {tools: [notes]}
servers: {notes: {url: "https://notes.example/mcp"}}
permissions: %s
nodes:
  look: {agent: reader, prompt: look}
  note: {agent: far, prompt: note}
  say: {prompt: say}
"""


def test_a_tool_that_fetches_reaches_any_public_address() -> None:
    found = list(reaches(plan_of(TEAM % "[]")))
    assert found == [
        Reach("look", "crawl", "any public address"),
        Reach("note", "notes", "https://notes.example/mcp"),
    ]


def test_rules_leave_what_they_allow_where_the_rest_is_denied() -> None:
    rules = '[{allow: crawl, where: {url: "https://docs.example/*"}}, {deny: crawl}]'
    assert next(iter(reaches(plan_of(TEAM % rules)))).where == "https://docs.example/*"
    assert next(iter(reaches(plan_of(TEAM % "[{deny: crawl}]")))).where == "none: a rule denies it"
    in_part = '[{deny: crawl, where: {url: "https://old.example/*"}}]'
    assert next(iter(reaches(plan_of(TEAM % in_part)))).where == "any public address"
    allowed = '[{allow: crawl, where: {url: "https://docs.example/*"}}]'
    assert next(iter(reaches(plan_of(TEAM % allowed)))).where == "any public address"


STARTING = """
goal: g
nodes:
  a: {run: [make]}
  b: {python: "print(1)"}
  c: {agent: claude, prompt: mend}
  d: {prompt: say, check: {command: [grep, x]}}
  e: {prompt: say}
"""


def test_what_the_user_starts_is_outside_the_sandbox_and_what_a_planner_starts_is_in() -> None:
    plan = plan_of(STARTING)
    assert unsandboxed(plan) == ["a", "b", "c", "d"]
    assert unsandboxed(replace(plan, author=Author.PLANNER)) == []
    assert sandboxed(plan, plan.node("e")) is None
    assert sandboxed(plan, replace(plan.node("a"), parent="more")) is True


def test_a_text_with_the_shape_of_a_key_is_found() -> None:
    key = "sk-" + "a1" * 16
    plan = Plan("g", (Node("a", PromptSpec(f"use {key}")), Node("b", PromptSpec("use the key of the environment"))))
    assert list(secrets(plan)) == ["a"]


def test_a_prompt_longer_than_the_window_is_found_and_an_unknown_window_is_not_guessed() -> None:
    plan = Plan("g", (Node("a", PromptSpec("x" * 9_000)), Node("b", PromptSpec("short"))))
    small, unknown = ModelRef("p", "m", context=2_000), ModelRef("p", "m")
    assert [(one.node, one.tokens, one.window) for one in overlong(plan, lambda node: small)] == [("a", 2_250, 2_000)]
    assert not list(overlong(plan, lambda node: unknown))
