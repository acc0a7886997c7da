"""DeepSwarm task files: every key has its meaning here, or a remark; mistakes are told as those of our own files."""

from __future__ import annotations

import json
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.plan.importers import Imported, import_deepswarm
from swarmtui.plan.importers.deepswarm import SYSTEM
from swarmtui.plan.lookup import GoesBy, literal, render
from swarmtui.plan.model import JSON, ModelRef, Node, PromptSpec, RunSpec, When
from swarmtui.plan.problems import TaskError
from swarmtui.plan.render import task_to_yaml
from swarmtui.plan.taskfile import load_task, parse_task, validate_plan

FULL = """\
task_type: generation
prompt_template: "Write a story about {{seed}}."
orchestrator_model: deepseek-v4-pro
worker_model: some-flash
worker_api_base: https://llm.example/v1
worker_max_tokens: 2000
multi_turn: true
max_turns: 7
seeds_file: data/seeds.jsonl
workers: 6
stagger: 2.5
batch_size: 50
output_dir: out
output_format: parquet
checkpoint_every: 10
"""


def folder_with(tmp_path: Path, text: str, *seeds: object) -> Path:
    """A task file with its seeds beside it."""
    path = tmp_path / "task.yaml"
    path.write_text(textwrap.dedent(text))
    if seeds:
        (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
    return path


def imported(text: str, **more: object) -> Imported:
    found = import_deepswarm(textwrap.dedent(text), **more)  # type: ignore[arg-type]
    assert found is not None
    return found


def nodes(text: str) -> tuple[Node, ...]:
    plan = imported(text).task.plan
    assert plan is not None
    return plan.nodes


def prompt(template: str) -> PromptSpec:
    spec = nodes(json.dumps({"task_type": "generation", "prompt_template": template}))[0].spec
    assert isinstance(spec, PromptSpec)
    return spec


def problems(text: str) -> list[str]:
    with pytest.raises(TaskError) as raised:
        import_deepswarm(textwrap.dedent(text), file="t.yaml")
    return [str(problem) for problem in raised.value.problems]


def test_every_key_has_its_place() -> None:
    task = imported(FULL).task
    assert task.plan is not None
    work, clean = task.plan.nodes
    assert work.spec == PromptSpec("Write a story about {{ seed }}.", system=SYSTEM, max_tokens=2000, turns=7)
    assert work.map is not None
    assert (work.map.name, work.map.field, work.map.path) == ("seed", "seed", "data/seeds.jsonl")
    assert work.retry.limit == 3
    assert task.models == {
        "planner": "deepseek/deepseek-v4-pro",
        "worker": ModelRef("custom", "some-flash", base_url="https://llm.example/v1"),
    }
    assert (task.limits.concurrency, task.limits.ramp_s) == (6, 2.5)
    assert isinstance(clean.spec, RunSpec)
    assert clean.spec.argv[:4] == ("swarmtui", "filter", "--input", "{{ generate.path }}")
    assert "out/clean.parquet" in clean.spec.argv
    assert clean.when is When.ALL_DONE


def test_what_has_no_counterpart_is_remarked_on() -> None:
    remarks = " | ".join(imported(FULL).remarks)
    for key in ("workers", "stagger", "batch_size", "checkpoint_every"):
        assert f"{key}:" in remarks


def test_auto_and_absent_leave_the_choice_to_the_engine() -> None:
    text = "{task_type: generation, prompt_template: 'x {{seed}}', workers: auto, stagger: auto, batch_size: auto}"
    found = imported(text)
    assert (found.task.limits.concurrency, found.task.limits.ramp_s) == (None, 0.0)
    assert found.remarks == ()


@pytest.mark.parametrize("task_type", ["generation", "translation", "summarization", "classification"])
def test_each_task_type_is_a_map_with_a_check_and_a_filter(task_type: str) -> None:
    work, clean = nodes(f"{{task_type: {task_type}, prompt_template: 'x {{{{seed}}}}'}}")
    assert work.map is not None
    assert work.check is not None
    assert clean.needs == (work.id,)


def test_custom_runs_the_worker_script_with_the_seed_as_one_argument(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text("")
    text = "task_type: custom\nworker_script: work.py --fast 'two words'\nworker_model: m\nworkers: 2\n"
    task = load_task(folder_with(tmp_path, text, "a"))
    assert task.plan is not None
    spec = task.plan.nodes[0].spec
    assert isinstance(spec, RunSpec)
    assert Path(spec.argv[0]).name == "python3"
    assert spec.argv[1:] == (str(tmp_path / "work.py"), "--fast", "two words", "{{ seed }}")
    assert spec.cwd == str(tmp_path)
    assert spec.env["WORKER_MODEL"] == "m"
    assert task.models == {}


def test_a_task_is_told_from_a_file_of_ours() -> None:
    assert import_deepswarm("goal: g\nnodes: {a: {prompt: x}}") is None
    assert import_deepswarm("just text") is None
    with pytest.raises(TaskError, match="unknown key `task_type`"):
        parse_task("goal: g\ntask_type: generation\n")


# -- templates ------------------------------------------------------------------------------------------------


def test_the_seed_is_put_in_as_its_text_or_as_json() -> None:
    template = prompt("About {{seed}} and {{ seed }}").prompt
    assert render(template, {"seed": "rivers"}) == "About rivers and rivers"
    assert render(template, {"seed": {"a": 1}}) == 'About {"a":1} and {"a":1}'


@pytest.mark.parametrize(
    ("seed", "told"),
    [
        ({"seed": "rivers", "lang": "fr"}, "rivers in fr"),
        ({"seed": {"lang": "de", "n": 1}}, '{"lang":"de","n":1} in de'),
        ({"seed": None, "lang": "fr"}, " in fr"),
        ({"topic": "sea", "lang": "fr"}, '{"topic":"sea","lang":"fr"} in fr'),
    ],
)
def test_a_seed_that_is_an_object_with_a_seed_goes_by_it(seed: JSON, told: str) -> None:
    (work, _) = nodes("{task_type: generation, prompt_template: '{{seed}} in {{lang}}'}")
    assert isinstance(work.spec, PromptSpec)
    assert render(work.spec.prompt, {"seed": GoesBy(seed, "seed") if "seed" in seed else seed}) == told


def test_fields_of_a_seed_are_reached_by_their_name() -> None:
    template = prompt("{{topic}} for {{seed.who}}, {{ meta.year }}").prompt
    assert render(template, {"seed": {"topic": "t", "who": "w", "meta": {"year": 9}}}) == "t for w, 9"


def test_other_braces_stand_for_themselves() -> None:
    text = 'Answer {"a": {{"b": 1}}} or {{ two words }} on {{seed}} }}{{'
    assert render(prompt(text).prompt, {"seed": "S"}) == text.replace("{{seed}}", "S")


@given(st.text(alphabet='{}" aé\n', max_size=30))
def test_a_text_stands_for_itself_as_a_template(text: str) -> None:
    assert render(literal(text), {}) == text


def test_a_seed_that_looks_like_a_lookup_is_not_read_as_one() -> None:
    assert render(prompt("{{seed}}").prompt, {"seed": "{{ other }}"}) == "{{ other }}"


def test_a_template_without_the_seed_is_remarked_on() -> None:
    found = imported("{task_type: generation, prompt_template: say something}")
    assert any("{{seed}}" in remark for remark in found.remarks)


def test_a_template_that_asks_for_what_the_first_seed_lacks_is_remarked_on(tmp_path: Path) -> None:
    text = "task_type: generation\nprompt_template: '{{topic}} {{year}}'\n"
    path = folder_with(tmp_path, text, {"topic": "x"})
    (remark,) = imported(path.read_text(), path=str(path)).remarks
    assert "year" in remark
    assert "has topic" not in remark.partition("asks for")[0]


@pytest.mark.parametrize(
    ("written", "key", "value"),
    [
        ("multi_turn: yes", "turns", 20),
        ("multi_turn: off", "turns", 1),
        ("worker_max_tokens: '512'", "max_tokens", 512),
        ("worker_max_tokens: 512.0", "max_tokens", 512),
    ],
)
def test_what_a_lenient_reader_takes_is_taken_for_what_it_says(written: str, key: str, value: int) -> None:
    spec = nodes(f"prompt_template: x\n{written}\n")[0].spec
    assert getattr(spec, key) == value


def test_capitals_and_quotes_do_not_matter() -> None:
    text = "task_type: Generation\nprompt_template: x\noutput_format: JSONL\nworkers: '8'\nstagger: Auto\n"
    found = imported(text).task
    assert found.limits.concurrency == 8


@pytest.mark.parametrize(
    ("template", "structured"),
    [
        ("Answer {{seed}} in JSON.", True),
        ("Return a JSON object about {{seed}}", True),
        ('Describe {{seed}}. JSON: {"a": 1}', True),
        ("Write a JSON parser in {{seed}}", False),
        ("What is wrong with JSON for {{seed}}?", False),
    ],
)
def test_answers_must_hold_json_only_where_the_template_asks_for_it(template: str, structured: bool) -> None:
    clean = nodes(json.dumps({"task_type": "generation", "prompt_template": template}))[1].spec
    assert isinstance(clean, RunSpec)
    assert ("--structured" in clean.argv) is structured


def test_equal_answers_are_all_kept() -> None:
    clean = nodes("{task_type: classification, prompt_template: '{{seed}}'}")[1].spec
    assert isinstance(clean, RunSpec)
    assert "--unique" not in clean.argv


def test_a_worker_script_that_reads_a_key_is_remarked_on_since_commands_get_none(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text('key = os.environ["DEEPSEEK_API_KEY"]')
    text = "task_type: custom\nworker_script: work.py\n"
    found = imported(text, path=str(folder_with(tmp_path, text, "a")))
    assert any("commands get none" in remark for remark in found.remarks)


def test_a_shell_script_needs_no_right_to_be_executed(tmp_path: Path) -> None:
    (tmp_path / "work.sh").write_text("echo $1")
    text = "task_type: custom\nworker_script: work.sh\n"
    plan = imported(text, path=str(folder_with(tmp_path, text, "a"))).task.plan
    assert plan is not None
    spec = plan.nodes[0].spec
    assert isinstance(spec, RunSpec)
    assert spec.argv == ("sh", str(tmp_path / "work.sh"), "{{ seed }}")


# -- mistakes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("task_type: custom\nprompt_templat: x\n", "2:1: unknown key `prompt_templat`: did you mean prompt_template?"),
        ("task_type: translate\n", "1:12: there is no task type `translate`: did you mean translation?"),
        ("task_type: generation\n", "t.yaml:1:12: `prompt_template` is missing"),
        ("task_type: custom\n", "t.yaml:1:12: `worker_script` is missing"),
        ("prompt_template: x\nworkers: many\n", "t.yaml:2:10: workers: must be 'auto'"),
        ("prompt_template: x\nworkers: 0\n", "t.yaml:2:10: workers: must be at least 1"),
        ("prompt_template: x\noutput_format: csv\n", "2:16: output_format: must be 'jsonl', 'json' or"),
        ("prompt_template: x\nworker_model: mystery\n", "t.yaml:2:15: worker_model: mystery names no provider"),
        ("prompt_template: x\nworker_api_base: nope\n", "t.yaml:2:18:"),
        ("prompt_template: x\nprompt_template: y\n", "t.yaml:2:1: key `prompt_template` is there twice"),
        ("prompt_template: x\ntemperature: 1\n", "t.yaml:2:1: unknown key `temperature`"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_its_fix(text: str, told: str) -> None:
    found = problems(text)
    assert any(told in problem for problem in found), found


def test_all_mistakes_are_told_at_once() -> None:
    assert len(problems("task_type: generation\nwrkers: 3\nmulti_turn: 5\n")) >= 2


def test_seeds_that_are_not_there_are_told_unless_they_come_from_elsewhere(tmp_path: Path) -> None:
    for text in ("prompt_template: x\n", "prompt_template: x\nseeds_file: gone.jsonl\n"):
        path = folder_with(tmp_path, text)
        with pytest.raises(TaskError, match="swarmtui seed"):
            load_task(path)
        assert imported(path.read_text(), path=str(path), has_items=True)


def test_a_bare_orchestrator_model_is_left_out_with_a_remark() -> None:
    found = imported("{prompt_template: '{{seed}}', orchestrator_model: mystery}")
    assert found.task.models == {}
    assert any("orchestrator_model" in remark for remark in found.remarks)


# -- the plan -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [FULL, "{task_type: custom, worker_script: work}", "{prompt_template: 'x {{a-b}} {{'}"]
)
def test_what_is_imported_is_a_valid_task_of_ours(text: str) -> None:
    task = imported(text).task
    assert task.plan is not None
    assert validate_plan(task.plan, models=task.models) == []
    again = parse_task(task_to_yaml(task))
    assert again == replace(task, path=None)
