"""What the config file says of the workbench, and what the workbench remembers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from swarmtui.safety.paths import write_atomic
from swarmtui.tui.app import Workbench
from swarmtui.tui.at_start import LAYOUT, in_place_of_memory
from swarmtui.tui.memory import MAX_BYTES, Memory
from swarmtui.tui.screens.instruments import PoolsPart, TimelinePart
from swarmtui.tui.screens.part import EVERYTHING
from swarmtui.tui.screens.parts import GraphPart, LogPart
from swarmtui.tui.screens.table_part import TablePart
from swarmtui.tui.screens.workers_part import WorkersPart
from swarmtui.tui.settings import Motion, Notify, Read, Settings, parse_settings, read_settings
from swarmtui.tui.view.logs import LEVELS
from swarmtui.tui.view.shape import ZOOMS
from swarmtui.tui.view.table import SORTS
from tests.tui.opening import settled
from tests.tui.scripted_feed import ScriptedFeed, mid_run

FILE = Path("config.yaml")


def test_where_there_is_no_file_everything_is_as_it_comes(tmp_path: Path) -> None:
    read = read_settings({"SWARMTUI_HOME": str(tmp_path)})
    assert read.settings == Settings()
    assert not read.problems


def test_settings_are_read_from_their_section_and_other_sections_are_left_alone() -> None:
    text = (
        b"models: {a: {base_url: x}}\nworkbench:\n  motion: reduced\n  notify: 'off'\n  keys: {pause_node: [p, F20]}\n"
    )
    read = parse_settings(text, FILE)
    assert read.settings == Settings(motion=Motion.REDUCED, notify=Notify.OFF, keys={"pause_node": ("p", "f20")})
    assert not read.problems


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("them: x", "config.yaml:2:3: unknown key 'them': did you mean theme?"),
        ("motion: slow", "config.yaml:2:11: 'slow' is not known: one of full, reduced"),
        ("keys: {pause_nod: p}", "unknown name 'pause_nod': did you mean pause_node?"),
        ("keys: {pause_node: [1]}", "must be a name or a list of names"),
        ("columns: [a]", "must be a mapping of names to lists"),
        ("theme: [a]", "config.yaml:2:10: must be a name"),
        ("keys: {answer: p}", "unknown name 'answer': docs/keys.md lists them"),
        ("keys: {go_live: p}", "unknown name 'go_live': docs/keys.md lists them"),
        ("keys: {pause: p}", "unknown name 'pause': did you mean pause_node?"),
        ("motion: reducd", "config.yaml:2:11: 'reducd' is not known: did you mean reduced?"),
        ("columns: {nodes: [state, tok]}", "config.yaml:2:28: there is no column 'tok': did you mean took?"),
        ("columns: {foo: [state]}", "unknown name 'foo': one of nodes, items, sessions"),
        ("columns: {node: [state]}", "unknown name 'node': did you mean nodes?"),
        ("layout: {veiw: table}", "config.yaml:2:12: unknown name 'veiw': did you mean view?"),
        ("layout: {view: tabel}", "config.yaml:2:18: 'tabel' is not known: did you mean table?"),
        ("layout: {log: 3}", "config.yaml:2:17: '3' is not known: it is true or false"),
        ("layout: {log_lines: 99}", "config.yaml:2:23: '99' is not known: it is from 3 to 20"),
        ("layout: table", "config.yaml:2:11: must be a mapping: as {view: table, log: false}"),
        ("notify_after_s: 90000", "config.yaml:2:19: must be seconds, from 0 to 86400"),
        ("notify_after_s: true", "must be seconds"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_else_is_said_is_used(line: str, told: str) -> None:
    read = parse_settings(f"workbench:\n  {line}\n  hosts: build.example\n".encode(), FILE)
    assert [problem for problem in read.problems if told in problem]
    assert read.settings.hosts == ("build.example",)


def test_a_machine_that_no_ssh_could_reach_is_told_and_the_others_are_listed() -> None:
    read = parse_settings(b"workbench:\n  hosts: [build.example, -oProxyCommand=x]\n", FILE)
    assert read.problems[0].startswith("config.yaml:2:26: ")
    assert read.settings.hosts == ("build.example",)


def test_what_is_right_of_a_layout_is_used_beside_what_is_wrong() -> None:
    read = parse_settings(b"workbench:\n  layout: {view: table, zoom: huge, fold: false}\n", FILE)
    assert read.settings.layout == {"view": "table", "fold": False}
    assert len(read.problems) == 1


def test_what_the_file_says_of_the_layout_stands_in_place_of_what_is_remembered_and_is_not_remembered(
    tmp_path: Path,
) -> None:
    memory = Memory(tmp_path / "state" / "workbench.json")
    memory.put("run.view", "log")
    assert memory.save() == ""
    again = Memory(tmp_path / "state" / "workbench.json")
    again.begin_with(in_place_of_memory({"view": "table", "sort": "cost"}))
    assert (again.get("run.view", ""), again.get("run.sort_down", False)) == ("table", True)
    again.put("other", 1)
    assert again.save() == ""
    assert Memory(tmp_path / "state" / "workbench.json").get("run.view", "") == "log"


def test_the_words_of_a_layout_are_those_of_the_screens() -> None:
    assert LAYOUT["view"].words == (EVERYTHING, *(make.VIEW for make in (GraphPart, WorkersPart, TablePart, LogPart)),
                                    TimelinePart.VIEW, PoolsPart.VIEW)  # fmt: skip
    assert LAYOUT["zoom"].words == ZOOMS
    assert LAYOUT["sort"].words == SORTS[1:]
    assert set(LAYOUT["log_level"].words) <= set(LEVELS)


@pytest.mark.parametrize(
    ("layout", "seen"),
    [
        ({"view": "table"}, "a table alone"),
        ({"log": False}, "no log"),
        ({"graph_percent": 30, "log_lines": 4, "table_lines": 6}, "other sizes"),
    ],
)
async def test_a_session_opens_as_the_file_says(layout: dict[str, str | bool | int], seen: str) -> None:
    app = Workbench(connected, read=Read(Settings(layout=layout)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        shown = {part.VIEW: part.widget for part in app._run_screen().parts if part.widget.region.area}
        if seen == "a table alone":
            assert set(shown) == {"table"}
        elif seen == "no log":
            assert set(shown) == {"graph", "workers", "table"}
        else:
            assert shown["graph"].region.width == 36
            assert (shown["table"].region.height, shown["log"].region.height) == (9, 6)


async def connected() -> ScriptedFeed:
    return mid_run()


def test_a_setting_that_stands_outside_its_section_is_told_with_where_it_belongs() -> None:
    read = parse_settings(b"models: {}\ntheme: swarm-light\n", FILE)
    assert read.settings == Settings()
    assert read.problems == (f"{FILE}:2:1: 'theme' means nothing here: put it below `workbench:`, two spaces in",)


def test_a_file_that_is_no_yaml_is_told_and_changes_nothing() -> None:
    read = parse_settings(b"workbench: [", FILE)
    assert read.settings == Settings()
    assert read.problems[0].startswith("config.yaml:2:1: not YAML")


def test_a_memory_that_has_grown_beyond_all_measure_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "workbench.json"
    path.write_text(json.dumps({"view": "table", "more": "x" * MAX_BYTES}))
    assert Memory(path).get("view", "run") == "run"


def test_what_is_remembered_is_there_the_next_time_unless_it_is_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "state" / "workbench.json"
    memory = Memory(path)
    memory.put("view", "table")
    memory.put("log", False)
    assert memory.save() == ""
    again = Memory(path)
    assert again.get("view", "run") == "table"
    assert again.get("log", True) is False
    assert again.get("log", 3) == 3
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_that_write_at_once_keep_what_each_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "state" / "workbench.json"
    first, second = Memory(path), Memory(path)
    first.put("a", 1)
    second.put("b", 2)
    assert (first.save(), second.save()) == ("", "")
    assert (Memory(path).get("a", 0), Memory(path).get("b", 0)) == (1, 2)


def test_a_damaged_memory_is_passed_over_and_one_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "state" / "workbench.json"
    path.parent.mkdir(mode=0o700)
    path.write_text("{nonsense")
    assert Memory(path).get("view", "run") == "run"
    blocked = Memory(tmp_path / "state" / "workbench.json" / "below")
    blocked.put("a", 1)
    assert "were not kept" in blocked.save()


def test_what_is_put_while_a_thread_writes_is_written_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state" / "workbench.json"
    memory, write = Memory(path), write_atomic

    def while_the_user_goes_on(*args: Any) -> None:
        write(*args)
        memory.put("view", "log")

    memory.put("view", "table")
    monkeypatch.setattr("swarmtui.tui.memory.write_atomic", while_the_user_goes_on)
    memory.save()
    monkeypatch.undo()
    memory.save()
    assert Memory(path).get("view", "") == "log"


def test_what_could_not_be_written_is_written_once_it_can_be(tmp_path: Path) -> None:
    path = tmp_path / "state" / "workbench.json"
    path.parent.write_text("in the way")
    memory = Memory(path)
    memory.put("view", "table")
    assert "not kept" in memory.save()
    path.parent.unlink()
    assert memory.save() == ""
    assert Memory(path).get("view", "") == "table"
