import asyncio
from pathlib import Path
from typing import Any, Literal

import pytest

from swarmtui import Agent, Result
from swarmtui.agents.tools import AgentTool, ToolUnavailable
from swarmtui.agents.tools.function_child import Wrong, carried_out, described
from swarmtui.agents.tools.functions import FunctionTools
from swarmtui.safety.permissions import Effect
from swarmtui.workers.tool_code import OwnChild
from tests.agents.tools.calling import called, context, refusal

CODE = '''
import os, sys
import helper

print("imported")

def show(city: str, context_variables: dict, days: int = 1):
    """Shows things.

    Several.
    """
    print("noise on stdout")
    found = [city, days + helper.ONE, context_variables, os.getcwd(), sys.stdin.read()]
    secret = [os.environ.get("OPENAI_API_KEY"), os.environ.get("MINE")]
    return {"value": [found, secret], "agent": "other", "context_variables": {"a": [1]}}
show.swarmtui_effect = "network"

def fails(x: int):
    return 1 / x

def dies(): os._exit(3)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "tools.py").write_text(CODE)
    (folder / "helper.py").write_text("ONE = 1")
    return folder


@pytest.fixture
def source(folder: Path) -> FunctionTools:
    return FunctionTools(folder, OwnChild())


async def function(source: FunctionTools, name: str) -> AgentTool:
    (tool,) = await source.tools(name, "a")
    return tool


async def test_a_function_is_a_tool_that_runs_where_the_user_is_without_their_secrets(
    source: FunctionTools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-value")
    monkeypatch.setenv("MINE", "of the user")
    tool = await function(source, "tools.py:show")
    assert (tool.spec.name, tool.rule_name) == ("show", "tools.py:show")
    assert tool.spec.description == "Shows things.\n\nSeveral."
    assert list(tool.spec.parameters["properties"]) == ["city", "days"]
    assert (tool.effect, tool.untrusted) == (Effect.NETWORK, True)
    assert await function(source, "tools.py:show") is tool
    where = context(tmp_path, variables={"name": "Ada"})
    result = await called(tool, where, city="Köln", days=2)
    assert result.text == f'[["Köln", 3, {{"name": "Ada"}}, "{where.cwd}", ""], [null, "of the user"]]'
    assert (result.agent, result.context) == ("other", {"a": [1]})
    assert "context_variables: there is no such argument" in await refusal(tool, where, city="x", context_variables={})


@pytest.mark.chaos
async def test_what_goes_wrong_in_a_function_is_a_result(source: FunctionTools, folder: Path, tmp_path: Path) -> None:
    tool = await function(source, "tools.py:fails")
    assert tool.effect is Effect.WRITE
    assert await refusal(tool, tmp_path, x=0) == "tools.py:19: ZeroDivisionError: division by zero"
    assert "division by zero" in await refusal(tool, context(tmp_path, trusted=False), x=0)  # a planner's node
    (folder / "tools.py").write_text("import os\ndef fails(): os._exit(3)\n")
    changed = await function(source, "tools.py:fails")
    assert await refusal(changed, tmp_path) == "its process ended with exit code 3: no word"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tools.py:missing", "tools.py has no function missing; it has: show, fails, dies"),
        ("broken.py:f", "broken.py:2: SyntaxError: invalid syntax"),
        ("raising.py:f", "raising.py:1: ModuleNotFoundError: No module named 'nonexistent'"),
        ("other.py:f", "other.py: No such file or directory"),
    ],
)
async def test_a_function_that_cannot_be_had_says_why(
    name: str, told: str, source: FunctionTools, folder: Path
) -> None:
    (folder / "broken.py").write_text("\na = = 1")
    (folder / "raising.py").write_text("import nonexistent")
    with pytest.raises(ToolUnavailable) as problem:
        await source.tools(name, "a")
    assert str(problem.value).startswith(f"{name}: ")
    assert str(problem.value).endswith(told)


async def test_other_names_are_left_to_other_sources(source: FunctionTools) -> None:
    for name in ("crawl", "server/tool", "tools.py", "tools.py:a b", "tools:weather"):
        assert await source.tools(name, "a") == ()
    await source.close()


@pytest.mark.chaos
async def test_what_a_function_gives_back_is_text_from_outside_unless_it_changes_nothing_or_says_so(
    source: FunctionTools, folder: Path
) -> None:
    lines = ["def plain(): pass"]
    for effect in Effect:
        lines.append(f"def of_{effect}(): pass\nof_{effect}.swarmtui_effect = '{effect}'")
    lines.append("def mine(): pass\nmine.swarmtui_untrusted = False")
    lines.append("def theirs(): pass\ntheirs.swarmtui_effect, theirs.swarmtui_untrusted = 'none', True")
    lines.append("def odd(): pass\nodd.swarmtui_untrusted = 'no'")
    (folder / "all.py").write_text("\n".join(lines))
    names = ("plain", *(f"of_{effect}" for effect in Effect), "mine", "theirs")
    found = {name: (await function(source, f"all.py:{name}")).untrusted for name in names}
    assert [name for name, untrusted in found.items() if not untrusted] == ["of_none", "mine"]
    with pytest.raises(ToolUnavailable, match="swarmtui_untrusted is 'no'; it has to be True or False"):
        await source.tools("all.py:odd", "a")


def weather(city: str, days: int = 1, unit: Literal["C", "F"] = "C") -> dict[str, Any]:
    """The weather."""
    return {"city": city, "days": days, "unit": unit}


def test_a_function_is_described_by_its_signature() -> None:
    told = described(weather)
    assert (told["description"], told["effect"], told["parameters"]["required"]) == ("The weather.", "write", ["city"])
    properties = told["parameters"]["properties"]
    assert (properties["city"]["type"], properties["days"]["default"]) == ("string", 1)
    assert properties["unit"]["enum"] == ["C", "F"]


def test_an_effect_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weather, "swarmtui_effect", "read", raising=False)
    assert described(weather)["effect"] == "read"
    monkeypatch.setattr(weather, "swarmtui_effect", "all")
    with pytest.raises(Wrong, match="'all'; it has to be one of: none, read, network, run, write"):
        described(weather)


async def waits() -> str:
    await asyncio.sleep(0)
    return "waited"


def greet(context_variables: dict[str, Any]) -> Result:
    name = context_variables["name"]
    return Result(value=f"Hello {name}", agent=Agent(name="Namer"), context_variables={"seen": name})


@pytest.mark.parametrize(
    ("function", "told", "agent", "variables"),
    [
        (waits, "waited", None, {}),
        (greet, "Hello Ada", "Namer", {"seen": "Ada"}),
        (lambda: None, "", None, {}),
        (lambda: {"value": 5, "agent": "other", "context_variables": {"a": [1]}}, "5", "other", {"a": [1]}),
        (lambda: {"value": 5, "more": 1}, '{"value": 5, "more": 1}', None, {}),
        (lambda: {}, "{}", None, {}),
        (lambda: Agent(name="Sales"), '{"assistant": "Sales"}', "Sales", {}),
        (lambda: [1, {"a": "é"}], '[1, {"a": "é"}]', None, {}),
        (lambda: True, "true", None, {}),
        (lambda: object, "<class 'object'>", None, {}),
        (lambda: {1: object}, "{1: <class 'object'>}", None, {}),
    ],
)
def test_what_a_function_gives_back_is_read_as_swarm_does(
    function: Any, told: str, agent: str | None, variables: dict[str, Any]
) -> None:
    result = carried_out(function, {"file": __file__, "arguments": {}, "context": {"name": "Ada"}})
    assert result == {"value": told, "agent": agent, "context": variables}


def leaves() -> None:
    raise SystemExit("gone")


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (leaves, "test_functions.py:[0-9]+: SystemExit: gone"),
        (lambda: Result(context_variables={"a": object()}), "what the function gave back is no JSON"),
        (lambda: {"value": 1, "context_variables": [1]}, "what the function gave back is no dict"),
        (weather, "city: is missing"),
    ],
)
def test_what_goes_wrong_is_told(function: Any, told: str) -> None:
    with pytest.raises(Wrong, match=told):
        carried_out(function, {"file": __file__, "arguments": {}, "context": {}})
