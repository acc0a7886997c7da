import pytest

from swarmtui.plan.team import PROGRAMS
from swarmtui.workers.cli_agents.formats import READERS
from swarmtui.workers.cli_agents.programs import ProgramError, load_programs, plain

OPTION = "--dangerously-skip-permissions"


def test_every_program_that_a_task_file_may_name_is_known() -> None:
    assert set(PROGRAMS) == {program.name for program in load_programs()}


def test_every_program_can_be_read_and_tells_how_to_get_it() -> None:
    for program in load_programs():
        assert program.format in READERS
        assert program.install
        assert program.version
        assert program.concurrency == 4


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_task_that_looks_like_an_option_is_none(name: str) -> None:
    words = load_programs().get(name).command(OPTION, session="s")
    assert not any(word.startswith(OPTION) for word in words)


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "opencode", "copilot"])
def test_a_session_is_resumed_by_its_id(name: str) -> None:
    program = load_programs().get(name)
    assert "abc-1" in " ".join(program.command("", session="abc-1", resumed=True))
    assert "{" not in " ".join(program.command("x", session="abc-1", model="m"))


def test_what_may_only_read_is_not_told_to_edit() -> None:
    claude = load_programs().get("claude")
    assert "acceptEdits" in claude.command("", session="", may_edit=True)
    assert "acceptEdits" not in claude.command("", session="", may_edit=False)


def test_a_task_is_filled_in_once() -> None:
    assert plain(["agent", "--say={prompt}", "x"]).command("{model} {prompt}", session="") == [
        "agent",
        "--say={model} {prompt}",
        "x",
    ]


def test_a_program_sees_the_variables_that_are_named_for_it_and_no_others() -> None:
    environ = {"ANTHROPIC_API_KEY": "a", "OPENAI_API_KEY": "b", "AWS_SECRET_ACCESS_KEY": "c", "HTTPS_PROXY": "d"}
    seen = load_programs().get("claude").environment(environ, may_edit=True)
    assert seen == {"ANTHROPIC_API_KEY": "a", "HTTPS_PROXY": "d", "DISABLE_AUTOUPDATER": "1"}
    assert plain(["x"]).environment(environ, may_edit=True) == {}


def test_a_program_speaks_the_protocol_when_its_name_says_so() -> None:
    programs = load_programs()
    assert programs.get("opencode-acp").argv == ("opencode", "acp")
    assert programs.get("opencode-acp").format == "acp"
    with pytest.raises(ProgramError, match="claude does not speak the Agent Client Protocol: write claude"):
        programs.get("claude-acp")


def test_an_unknown_program_is_told_with_the_nearest_known_one() -> None:
    with pytest.raises(ProgramError, match="no program is called 'cluade': did you mean claude\\?"):
        load_programs().get("cluade")


def test_a_users_entry_changes_what_it_says_and_keeps_the_rest() -> None:
    programs = load_programs({"claude": {"edit": ["--yolo"]}, "mine": {"argv": ["mine", "{prompt}"]}})
    assert programs.get("claude").edit == ("--yolo",)
    assert programs.get("claude").resume == load_programs().get("claude").resume
    assert programs.get("mine").command("do it", session="") == ["mine", "do it"]


def test_every_mistake_in_the_users_entries_is_told_at_once() -> None:
    with pytest.raises(ProgramError) as error:
        load_programs(
            {
                "claude": {"modle": []},
                "a": {"argv": []},
                "b": 3,
                "c-acp": {"argv": ["c"]},
                "d": {"argv": ["d"], "format": "xml", "words": [{"kind": "refused", "match": "x"}]},
                "e": {"argv": ["e"], "words": [{"kind": "refused", "match": "("}], "home": "x", "concurrency": 0},
            }
        )
    lines = str(error.value).splitlines()
    assert lines[0] == "programs.claude.modle: unknown key: did you mean model?"
    assert any(line.startswith("programs.a.argv: say which command") for line in lines)
    assert any(line.startswith("programs.b: must be a mapping") for line in lines)
    assert any(line.startswith("programs.c-acp: a program's name") for line in lines)
    assert any(line.startswith("programs.d.format: ") for line in lines)
    assert any(line.startswith("programs.e.words.0.match: is no regular expression") for line in lines)
    assert any(line.startswith("programs.e.home: must be an absolute path") for line in lines)
    assert any(line.startswith("programs.e.concurrency: must be 1 or more") for line in lines)


def test_a_version_that_is_too_old_is_told_with_how_to_get_another() -> None:
    claude = load_programs().get("claude")
    assert claude.too_old("2.1.197 (Claude Code)") is None
    assert claude.too_old("no number") is None
    told = claude.too_old("1.0.30 (Claude Code)")
    assert told is not None
    assert "older than 2.0" in told
    assert "npm install -g" in told
