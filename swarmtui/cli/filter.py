"""``swarmtui filter``: clean the results of a map into a clean file and one of errors."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.cli.seed import whole_number

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.plan.model import JSON
    from swarmtui.workers.filter import Rules


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    number = whole_number(0)
    parser.add_argument("--input", "--input-dir", type=Path, required=True, metavar="DIR|FILE", help="what to clean")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="gets the clean records")
    parser.add_argument("--errors", type=Path, required=True, metavar="FILE", help="gets the rest: file, line, reason")
    parser.add_argument("--min-chars", type=number, metavar="N", help="the fewest characters of a record")
    parser.add_argument("--max-chars", type=number, metavar="N", help="the most characters of a record")
    parser.add_argument(
        "--require", default="", metavar="FIELD,…", help="fields that a record must have, neither null nor blank"
    )
    parser.add_argument("--schema", type=Path, metavar="FILE", help="a JSON Schema that a record must fit")
    parser.add_argument("--structured", action="store_true", help="outputs must be JSON; carelessly written is mended")
    parser.add_argument("--unique", action="store_true", help="leave out records that are equal to an earlier one")
    parser.add_argument(
        "--format", choices=("jsonl", "json", "parquet"), dest="form", help="of --output; as its name ends, else jsonl"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(arguments: Namespace, console: Console) -> int:
    """Clean; what is left out is no failure of the command, but told."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.exits import Exit
    from swarmtui.workers.clean_files import FilterError, clean_files, form_of

    if arguments.output.absolute() == arguments.errors.absolute():
        raise UsageError("--output and --errors are the same file: give two")
    low, high = arguments.min_chars, arguments.max_chars
    if low is not None and high is not None and low > high:
        raise UsageError(f"--min-chars {low} is more than --max-chars {high}: no record could be right")
    try:
        form = arguments.form or form_of(arguments.output)
        done = clean_files(arguments.input, arguments.output, arguments.errors, _rules(arguments), form)
    except FilterError as error:
        raise UsageError(str(error)) from None
    if done.note:
        console.warn(done.note)
    if console.json:
        figures = {"kept": done.kept, "repaired": done.repaired, "rejected": done.rejected}
        console.emit({"type": "filter", **figures, "output": str(done.output), "errors": str(arguments.errors)})
    else:
        mended = f" ({done.repaired:,} repaired)" if done.repaired else ""
        console.say(f"{done.kept:,} kept{mended} in {done.output}; {done.rejected:,} left out in {arguments.errors}")
    return Exit.OK


def _rules(arguments: Namespace) -> Rules:
    from swarmtui.workers.filter import Rules

    fields = tuple(field.strip() for field in arguments.require.split(",") if field.strip())
    return Rules(
        min_chars=arguments.min_chars,
        max_chars=arguments.max_chars,
        require=fields,
        schema=None if arguments.schema is None else _schema(arguments.schema),
        structured=arguments.structured,
        unique=arguments.unique,
    )


def _schema(path: Path) -> JSON:
    """The schema in a file. Raises UsageError."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    from swarmtui.cli.failures import UsageError

    try:
        schema = json.loads(path.read_text("utf-8"))
        Draft202012Validator.check_schema(schema)
    except OSError as error:
        raise UsageError(f"--schema {path}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"--schema {path}: not JSON: {error}") from None
    except SchemaError as error:
        raise UsageError(f"--schema {path}: not a JSON Schema: {error.message[:200]}") from None
    return schema
