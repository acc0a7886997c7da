"""``swarmtui eval pacing``: the pacer and the rules of others in simulated worlds, in virtual time, as a table.

``swarmtui eval functions`` is in :mod:`swarmtui.cli.eval_functions`, ``eval report`` in
:mod:`swarmtui.cli.eval_report`.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from swarmtui.cli import eval_functions, eval_report

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.evaluation.table import Row
    from swarmtui.evaluation.worlds import World

QUICK_CALLS = 600


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 1_000_000:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1000000")
    return int(text)


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("what", choices=("pacing", "functions", "report"), help="what to evaluate")
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="functions: cases in JSON, each a conversation and a function; report: a Markdown file or a session",
    )
    parser.add_argument("--json", action="store_true", help="JSON: an object per world, or the whole result")
    eval_functions.arguments(parser)
    eval_report.arguments(parser)
    pacing = parser.add_argument_group("pacing: the pacer against the rules of others, in simulated worlds")
    pacing.add_argument("--world", action="append", metavar="W", help="a world, such as 07; may be repeated")
    pacing.add_argument(
        "--variants", action="store_true", help="worlds with other numbers instead of the built-in ones"
    )
    pacing.add_argument(
        "--seeds", type=_positive, default=5, metavar="N", help="runs per world and rule; 5 unless said"
    )
    pacing.add_argument("--calls", type=_positive, default=3000, metavar="N", help="jobs per run; 3000 unless said")
    pacing.add_argument("--quick", action="store_true", help=f"one seed, {QUICK_CALLS} jobs, AIMD as the only rival")


def run(arguments: Namespace, console: Console) -> int:
    """Evaluate what was asked for and print; exit code 1 when a target is missed."""
    match arguments.what:
        case "functions":
            return eval_functions.run(arguments, console)
        case "report":
            return eval_report.run(arguments, console)
        case _:
            return _race(arguments, console)


def _race(arguments: Namespace, console: Console) -> int:
    from concurrent.futures import ProcessPoolExecutor

    from swarmtui.evaluation.table import RIVALS, table
    from swarmtui.host.exits import Exit

    seeds, calls = (1, QUICK_CALLS) if arguments.quick else (arguments.seeds, arguments.calls)
    rivals = ["aimd"] if arguments.quick else list(RIVALS)
    missed = 0
    rows: list[Row] = []
    with ProcessPoolExecutor() as pool:
        for row in table(_worlds(arguments), seeds=seeds, calls=calls, rivals=rivals, pool=pool):
            missed += bool(row.misses())
            rows.append(row)
            if console.json:
                console.emit(row.as_json())
    if not console.json:
        _print(rows, rivals, console)
        console.say(f"{len(rows) - missed} of {len(rows)} worlds meet every target; mean of {seeds}, {calls} jobs each")
        if arguments.quick:
            console.say("the targets are for 3000 jobs and the mean of 5 seeds: leave out --quick to judge by them")
    return Exit.FAILED if missed and not arguments.quick else Exit.OK


def _worlds(arguments: Namespace) -> list[World]:
    """Those asked for. Raises UsageError."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.evaluation.worlds import built_in, variants

    known = {**built_in(), **variants()}
    if not arguments.world:
        return list((variants() if arguments.variants else built_in()).values())
    for name in arguments.world:
        if name not in known:
            raise UsageError(f"{name}: no such world; there are {', '.join(known)}")
    return [known[name] for name in arguments.world]


def _print(rows: list[Row], rivals: list[str], console: Console) -> None:
    from swarmtui.evaluation.table import target_of

    lines = []
    for row in rows:
        target = target_of(row.world)
        told = [
            f"{row.ratio:.2f} (>= {target.ratio:.2f})",
            f"{row.of_bound:.2f} (>= {target.of_bound:.2f})",
            f"{row.ours.refused_per_100:.2f} (<= {target.refused:g})",
        ]
        others = [
            f"LOST {100 * mean.lost:.0f}%" if mean.lost > 0.001 else f"{mean.per_hour / row.oracle.per_hour:.2f}"
            for mean in (row.rivals[name] for name in rivals)
        ]
        notes = "; ".join(f"{name} {value:.2f}" for name, value in row.ours.notes.items())
        verdict = "; ".join(row.misses()) or "met"
        oracle = f"{row.oracle.per_hour:.0f}/h at {row.oracle_n}"
        lines.append([row.world.name, row.world.title, oracle, *told, *others, notes, verdict])
    console.table(["world", "", "oracle", "ratio", "or of bound", "refused/100", *rivals, "also", "targets"], lines)
