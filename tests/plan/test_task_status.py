"""The status line of an agent's task file, and nothing else of it, is written back."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.plan.importers.agent_task import read_agent_task
from swarmtui.plan.importers.task_status import CHINESE, with_status

LINES = st.lists(
    st.sampled_from(
        [
            "# Task: a",
            "## Description",
            "## Task information",
            "- **Status**: Pending",
            "- ID: x",
            "| Field | Value |",
            "|---|---|",
            "| Priority | High |",
            "| **状态** | 待执行 |",
            "Status: report on what there is",
            "```",
            "some words",
            "",
            "  * Est. time: 3 min  ",
        ]
    ),
    max_size=10,
)
ENDS = st.sampled_from(["\n", "\r\n"])


def changed(text: str, status: str = "Running") -> list[str]:
    """The lines that differ, with - and + before them."""
    lines = difflib.ndiff(text.splitlines(keepends=True), with_status(text, status).splitlines(keepends=True))
    return [line for line in lines if line[0] in "+-"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- **Status**: Pending", "- **Status**: Running"),
        ("**Status:** `Pending`", "**Status:** Running"),
        ("| Status | ⏳ Pending |", "| Status | Running |"),
        ("| **Task status** | in progress", "| **Task status** | Running"),
        ("- **状态**：待执行", "- **状态**：执行中"),
        ("Status:", "Status: Running"),
    ],
)
def test_a_status_is_replaced_where_it_stands_and_in_its_language(before: str, after: str) -> None:
    text = f"# Task\r\n\r\n- ID: a\r\n{before}\r\n\r\n## Description\r\nStatus: see below\r\n"
    assert with_status(text, "Running") == text.replace(f"\n{before}\r", f"\n{after}\r")


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("# T\n\n- ID: a\n- Priority: high\n\nDo.\n", "- **Status**: Running\n"),
        ("# T\n\n| Priority | High |\n|---|---|\n\nDo.\n", "| Status | Running |\n"),
        ("# T\nDo.\n", "- **Status**: Running\n"),
        ("Do.\n", "- **Status**: Running\n"),
    ],
)
def test_a_file_without_a_status_gets_a_line_for_it(text: str, added: str) -> None:
    lines = changed(text)
    assert f"+ {added}" in lines
    assert not [line for line in lines if line[0] == "-"]


def test_a_sentence_that_begins_like_a_status_is_left_alone() -> None:
    text = "# T\n\nStatus: report on what there is, and why.\n"
    assert text.splitlines()[2] in with_status(text, "Failed").splitlines()
    assert "report on what there is" in read_agent_task(text, "t.md", "t").description


@given(LINES, ENDS, st.sampled_from(sorted(CHINESE)))
@settings(deadline=None)
def test_whatever_the_file_one_status_is_told_and_the_task_stays_the_same(
    lines: list[str], end: str, status: str
) -> None:
    text = end.join(lines)
    written = with_status(text, status)
    assert with_status(written, status) == written
    before, after = read_agent_task(text, "t.md", "t"), read_agent_task(written, "t.md", "t")
    assert (after.id, after.name, after.priority, after.inputs) == (
        before.id,
        before.name,
        before.priority,
        before.inputs,
    )
    assert after.description == before.description
    assert after.status in (status, CHINESE[status])
