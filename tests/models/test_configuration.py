"""The user's ``config.yaml``: providers of their own; every mistake with file, line and column."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from swarmtui.models.catalog import CatalogError, Quirks, resolve
from swarmtui.models.configuration import user_catalog
from swarmtui.plan.problems import TaskError
from swarmtui.plan.taskfile import parse_task


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    return tmp_path / "config" / "config.yaml"


def environ(file: Path) -> dict[str, str]:
    return {"SWARMTUI_HOME": str(file.parent.parent)}


def test_without_a_file_or_without_models_it_is_the_built_in_catalogue(file: Path) -> None:
    assert user_catalog(environ(file)).get("openai")
    for text in ("", "theme: dark\n", "models:\n", "# nothing\n  \n"):
        file.write_text(text)
        assert user_catalog(environ(file)).get("openai")


def test_providers_of_the_users_own_are_known_by_name(file: Path) -> None:
    file.write_text(
        "models:\n"
        "  acme: {dialect: anthropic, base_url: https://llm.acme.example, key_cmd: [pass, acme], worker: acme-1}\n"
        "  openai: {quirks: {body: {gpt-5: {reasoning_effort: low}}}, contexts: {gpt-5: 9}}\n"
    )
    ref = resolve("acme", {}, environ(file))
    assert (ref.model, ref.dialect, ref.base_url) == ("acme-1", "anthropic", "https://llm.acme.example")
    openai = user_catalog(environ(file)).get("openai")
    assert openai is not None
    assert openai.quirks.additions("gpt-5-mini") == [{"reasoning_effort": "low"}]
    assert openai.quirks.json == "schema"


def test_a_provider_with_a_command_for_its_key_may_fill_a_tier(file: Path) -> None:
    file.write_text("models:\n  acme: {base_url: https://h/v1, key_cmd: [pass], worker: w, planner: p}\n")
    assert resolve("worker", {}, environ(file)).name == "acme/w"


def test_the_file_is_read_again_when_it_has_changed(file: Path) -> None:
    file.write_text("models:\n  one: {base_url: https://h/v1}\n")
    assert user_catalog(environ(file)).get("one")
    file.write_text("models:\n  other: {base_url: https://h/v1}\n")
    assert user_catalog(environ(file)).get("other")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "models:\n  acme:\n    bas_url: https://h/v1\n    base_url: https://h\n",
            ":3:14: models.acme.bas_url: unknown",
        ),
        ("models:\n  acme: {}\n", ":2:9: models.acme: needs a base_url"),
        ("models:\n  acme: {base_url: https://h, dialect: latin}\n", ":2:40: models.acme.dialect:"),
        ("models:\n  worker: {base_url: https://h}\n", ":2:11: models.worker: a provider's name"),
        ("models:\n  acme: 3\n", ":2:9: models.acme: must be a mapping"),
        ("models: [acme]\n", ":1:9: models must be a mapping"),
        (
            "models:\n  acme: {base_url: https://h, key_cmd: pass show x}\n",
            ":2:40: models.acme.key_cmd: must be a list",
        ),
        ("models:\n  acme: {base_url: https://h, quirks: {json: xml}}\n", "models.acme.quirks.json:"),
        ("models:\n  acme: {base_url: https://h, quirks: {no_temperature: ['(']}}\n", "is no pattern of models"),
        ("models: {a: {base_url: x\n", ":2:1:"),
        ("models:\n  a: {base_url: https://h}\n  a: {base_url: https://h}\n", ":3:3:"),
    ],
)
def test_every_mistake_has_file_line_and_column(file: Path, text: str, told: str) -> None:
    file.write_text(text)
    with pytest.raises(CatalogError) as raised:
        user_catalog(environ(file))
    lines = str(raised.value).splitlines()
    assert any(line.startswith(f"{file}:") and told in line for line in lines), lines


def test_a_file_that_cannot_be_read_is_named(file: Path) -> None:
    file.mkdir()
    with pytest.raises(CatalogError, match=r"config\.yaml: cannot be read"):
        user_catalog(environ(file))


def test_a_command_is_not_run_from_a_file_that_others_may_write(file: Path) -> None:
    file.write_text("models:\n  acme: {base_url: https://h/v1, key_cmd: [sh]}\n")
    file.chmod(0o666)
    with pytest.raises(CatalogError, match="others may write this file"):
        user_catalog(environ(file))
    file.chmod(0o644)
    assert user_catalog(environ(file)).get("acme")


def test_a_task_file_cannot_name_a_command() -> None:
    worker = "{model: m, base_url: 'https://h/v1', key_cmd: [sh, -c, id]}"
    text = f"goal: g\nmodels:\n  worker: {worker}\nnodes:\n  a: {{prompt: x}}\n"
    with pytest.raises(TaskError, match="key_cmd"):
        parse_task(text, file="t.yaml")


def test_the_example_of_the_documentation_is_right_and_names_every_quirk(file: Path) -> None:
    told = (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", told, re.DOTALL)
    file.write_text(example)
    ref = resolve("gpu-box", {}, environ(file))
    assert (ref.base_url, ref.model) == ("http://gpu-box:8000/v1", "qwen3-32b")
    assert all(f"`{quirk.name}`" in told for quirk in fields(Quirks))
