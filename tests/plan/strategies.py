"""Plans as Hypothesis draws them: every kind of node, every field, lookups of earlier nodes."""

from __future__ import annotations

from hypothesis import strategies as st

from swarmtui.plan.model import (
    AskSpec,
    Author,
    Check,
    MapSpec,
    MergeSpec,
    Node,
    Plan,
    PromptSpec,
    PythonSpec,
    Retry,
    RunSpec,
    When,
)

TRICKY = st.sampled_from(
    ["no", "Yes", "on", "012", "12:30:45", "1e3", "1_000", "0x1f", "~", "null", "true", "=", "<<", "2001-01-01", ".inf",
     "- a", "a: b", "a #b", "#a", "&a", "*a", "!t", "|", ">", "%d", "@x", "`", "'", '"', " lead", "trail ", "\ttab",
     "a\nb", "a\n", "\na", "a\n\n", " a\n b\n", "a \nb", "a\tb\nc", "\x85", "\u2028", "a\u2028b\nc", "\ufeff", "\x07",
     "\x00b", "😀\n漢", "---", "--- a", "...", "? a", "a\r\nb", "\r", "}}", "${x}", "{a}", "[a]", "a, b",
     "é", "\x7f\nx"]
)  # fmt: skip
FREE = st.text(alphabet=st.characters(exclude_characters="{", exclude_categories=["Cs"]), max_size=30) | TRICKY
TEXT = FREE.filter(str.strip)
ARGUMENT = FREE.map(lambda text: text.replace("\0", ""))
NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOAT | FREE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FREE, inner, max_size=3),
    max_leaves=6,
)
POSITIVE = st.floats(min_value=1e-6, max_value=1e9)


@st.composite
def lookups(draw, ids):
    """A text that may look up some of `ids`, and which."""
    used = draw(st.lists(st.sampled_from(ids), max_size=2)) if ids else []
    text = draw(TEXT) + "".join(f" {{{{ {name}.output }}}}" for name in used)
    return text, used


@st.composite
def specs(draw, ids):
    """What a node does, and the ids that it looks up."""
    text, used = draw(lookups(ids))
    optional = st.none() | FREE
    match draw(st.sampled_from(["prompt", "run", "shell", "python", "file", "merge", "ask"])):
        case "prompt":
            model = draw(st.sampled_from(["worker", "planner", "small", "a/b:c", "p/q/r"]))
            system, tokens = draw(optional), draw(st.none() | st.integers(1, 10**6))
            temperature, turns = draw(st.none() | st.floats(0, 2)), draw(st.integers(1, 9))
            return PromptSpec(text, system, model, tokens, temperature, turns), used
        case "run":
            argv = ["echo", *draw(st.lists(ARGUMENT, max_size=3)), text.replace("\0", "")]
            env = draw(st.dictionaries(st.from_regex(r"[A-Z_]{1,5}", fullmatch=True), ARGUMENT, max_size=2))
            ok = tuple(draw(st.lists(st.integers(0, 255), min_size=1, max_size=3)))
            cwd = draw(st.none() | ARGUMENT)
            return RunSpec(tuple(argv), cwd=cwd, env=env, stdin=draw(optional), ok_exit=ok), used
        case "shell":
            return RunSpec((text.replace("\0", ""),), shell=draw(TEXT)), used
        case "python":
            values = draw(st.dictionaries(FREE, JSON_VALUES, max_size=2)) | {"x": [{"deep": text}]}
            return PythonSpec(code=draw(TEXT), values=values), used
        case "file":
            return PythonSpec(file=draw(FREE.filter(bool))), []
        case "merge":
            rank = draw(st.sampled_from(["severity", "path", "none"]))
            return MergeSpec(draw(st.booleans()), rank, draw(optional), draw(st.sampled_from([None, "planner"]))), []
        case _:
            return AskSpec(text, tuple(draw(st.lists(TEXT, max_size=3)))), used


@st.composite
def maps(draw, ids):
    """How a node is mapped, with an item name that nothing else has."""
    limit, tolerate = draw(st.none() | st.integers(1, 10**6)), draw(st.floats(0, 1))
    more = {"field": draw(st.none() | st.sampled_from(["text", "a b"])), "keep_items": draw(st.booleans())}
    match draw(st.sampled_from(["path", "values", "node"] if ids else ["path", "values"])):
        case "path":
            return MapSpec("the_item", draw(FREE.filter(bool)) + ".jsonl", None, None, limit, tolerate, **more)
        case "values":
            return MapSpec("item-", None, tuple(draw(st.lists(JSON_VALUES, max_size=3))), None, limit, tolerate, **more)
        case _:
            return MapSpec("item-", None, None, draw(st.sampled_from(ids)), limit, tolerate, **more)


CHECKS = st.builds(
    Check,
    schema=st.sampled_from([None, "findings", {"type": "object"}, {"enum": ["no", "012"]}]),
    regex=st.sampled_from([None, "a+", "^x\n$", r"\d{2}"]),
    min_chars=st.none() | st.integers(0, 5),
    max_chars=st.none() | st.integers(5, 9),
)


@st.composite
def nodes(draw, node_id, before):
    """A node that may need and look up the nodes `before`."""
    spec, used = draw(specs(before))
    mapped = draw(st.none() | maps(before))
    needs = draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
    implied = [*used, *([mapped.node] if mapped and mapped.node else [])]
    return Node(
        id=node_id,
        spec=spec,
        needs=tuple(dict.fromkeys([*needs, *implied])),
        title=draw(st.none() | FREE),
        when=draw(st.sampled_from(When)),
        map=mapped,
        retry=draw(st.builds(Retry, st.integers(0, 9), POSITIVE, POSITIVE) | st.builds(Retry, st.integers(0, 9))),
        timeout_s=draw(st.none() | POSITIVE),
        check=draw(st.none() | CHECKS),
        pool=draw(st.none() | FREE.filter(bool)),
        estimate_s=draw(st.none() | POSITIVE),
        side_effects=draw(st.sampled_from([None, True, False])),
        retry_safe=draw(st.booleans()),
    )


@st.composite
def plans(draw, max_nodes=5):
    """A valid plan."""
    ids = draw(st.lists(NAME, unique_by=str.casefold, min_size=1, max_size=max_nodes))
    ids = [node_id for node_id in ids if node_id not in ("item", "the_item", "item-")] or ["a"]
    made = [draw(nodes(node_id, ids[:index])) for index, node_id in enumerate(ids)]
    return Plan(draw(TEXT), tuple(made), draw(st.none() | FREE), draw(st.sampled_from(Author)))
