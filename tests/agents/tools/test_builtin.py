from pathlib import Path

import pytest

from swarmtui.agents.tools import ToolUnavailable
from swarmtui.agents.tools.builtin import NAMES, BuiltinTools
from swarmtui.agents.tools.code import CodeRan
from swarmtui.models.public_net import PublicNet
from swarmtui.plan.team import Search
from swarmtui.safety.permissions import Effect
from tests.agents.tools.calling import text


async def never(*_: object, **__: object) -> CodeRan:
    raise AssertionError


SEARCH = Search("searxng", "https://search.example")


async def test_each_name_is_one_tool_that_a_model_can_call() -> None:
    source = BuiltinTools(SEARCH, PublicNet(), never)
    effects = {}
    for name in NAMES:
        (tool,) = await source.tools(name, "a")
        assert tool.spec.name == name
        assert len(tool.spec.description) > 20
        assert set(tool.spec.parameters["required"]) <= set(tool.spec.parameters["properties"])
        effects[name] = tool.effect
    assert effects == {
        "web_search": Effect.NETWORK,
        "crawl": Effect.NETWORK,
        "python": Effect.RUN,
        "shell": Effect.RUN,
        "list_files": Effect.READ,
        "read_file": Effect.READ,
        "search_files": Effect.READ,
        "write_file": Effect.NONE,
        "now": Effect.NONE,
    }


async def test_other_names_are_left_to_other_sources() -> None:
    source = BuiltinTools(SEARCH, PublicNet(), never)
    for name in ("server/tool", "tools.py:function", "Crawl", ""):
        assert await source.tools(name, "a") == ()
    await source.close()


async def test_without_a_way_to_run_code_there_are_no_such_tools() -> None:
    source = BuiltinTools(SEARCH, PublicNet())
    for name in ("python", "shell"):
        with pytest.raises(ToolUnavailable, match=f"{name}: code cannot be run here"):
            await source.tools(name, "a")


async def test_the_time_is_told_with_its_day(tmp_path: Path) -> None:
    (tool,) = await BuiltinTools(SEARCH, PublicNet(), clock=lambda: 1_700_000_000.0).tools("now", "a")
    told = await text(tool, tmp_path)
    assert told.startswith(("Tuesday 2023-11-14T", "Wednesday 2023-11-15T"))


async def test_code_that_no_sandbox_holds_may_change_the_world_and_says_where_it_runs() -> None:
    source = BuiltinTools(SEARCH, PublicNet(), never, bare=True)
    for name in ("python", "shell"):
        (tool,) = await source.tools(name, "a")
        assert tool.effect is Effect.WRITE
        assert "outside any sandbox" in tool.spec.description
