from dataclasses import replace

from swarmtui.workers.cli_agents.programs import load_programs
from swarmtui.workers.cli_agents.survey import survey


async def test_each_program_is_found_old_dumb_or_missing() -> None:
    claude = load_programs().get("claude")

    def saying(script: str, argv: str = "sh") -> object:
        return replace(claude, argv=(argv,), version=("sh", "-c", script))

    programs = [saying("echo '2.1.0 (x)'"), saying("echo 1.9.9"), saying("exit 1"), saying("", argv="no-such-claude")]
    good, old, dumb, missing = await survey(programs)  # type: ignore[arg-type]
    assert good.path is not None
    assert good.problem == ""
    assert "is older than 2.0" in old.problem
    assert "did not tell its version" in dumb.problem
    assert missing.path is None
    assert "npm install -g @anthropic-ai/claude-code" in missing.problem
