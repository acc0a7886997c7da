"""Task files: what they say, and what is told about their mistakes."""

from __future__ import annotations

import textwrap

import pytest

from swarmtui.plan.model import (
    AskSpec,
    Author,
    Check,
    Input,
    Limits,
    MapSpec,
    MergeSpec,
    ModelRef,
    Node,
    PromptSpec,
    PythonSpec,
    Retry,
    RunSpec,
    Task,
    When,
)
from swarmtui.plan.problems import TaskError
from swarmtui.plan.taskfile import load_task, parse_task

DESIGN_EXAMPLE = """\
goal: Review this project and write a report
inputs:
  path: {default: ., help: the project to review}
models:
  planner: deepseek/deepseek-reasoner
  worker: deepseek/deepseek-chat
limits:
  concurrency: auto
  budget: {usd: 2.00, tokens: 2_000_000, minutes: 30}
nodes:
  scan:
    run: [git, -C, "{{ path }}", ls-files, "*.py"]
  quality:
    needs: scan
    prompt: "Find quality problems in: {{ scan.output }}"
    check: {schema: findings}
  translate:
    map: {items: docs.jsonl, as: doc}
    prompt: "Translate to French: {{ doc.text }}"
    retries: 3
  report:
    needs: [quality, translate]
    when: all_done
    merge: {dedupe: true, rank: severity, summary: planner}
"""


def task(text: str) -> Task:
    return parse_task(textwrap.dedent(text), file="t")


def node(text: str, before: str = "") -> Node:
    """The node ``n`` of a task in which nodes a and b and the input p exist too."""
    body = textwrap.indent(textwrap.dedent(text).strip(), "    ")
    head = f"goal: g\ninputs: {{p: x, q: {{default: {{k: v}}}}}}\n{before}nodes:\n"
    found = parse_task(f"{head}  a: {{prompt: a}}\n  b: {{prompt: b}}\n  n:\n{body}\n", file="t").plan
    assert found is not None
    return found.node("n")


def problems(text: str) -> list[str]:
    with pytest.raises(TaskError) as caught:
        task(text)
    return [str(problem) for problem in caught.value.problems]


def node_problems(text: str) -> list[str]:
    """Messages about the node ``n``, without their places."""
    with pytest.raises(TaskError) as caught:
        node(text)
    return [f"{problem.message}: {problem.fix}" for problem in caught.value.problems]


def test_the_example_of_the_design_reads_as_it_should():
    found = task(DESIGN_EXAMPLE)
    assert found.goal == "Review this project and write a report"
    assert found.inputs == (Input("path", ".", "the project to review"),)
    assert found.models == {"planner": "deepseek/deepseek-reasoner", "worker": "deepseek/deepseek-chat"}
    assert found.limits == Limits(usd=2.0, tokens=2_000_000, minutes=30.0)
    assert found.plan is not None
    assert found.plan.nodes == (
        Node("scan", RunSpec(("git", "-C", "{{ path }}", "ls-files", "*.py"))),
        Node(
            "quality",
            PromptSpec("Find quality problems in: {{ scan.output }}"),
            ("scan",),
            check=Check(schema="findings"),
        ),
        Node(
            "translate",
            PromptSpec("Translate to French: {{ doc.text }}"),
            map=MapSpec("doc", "docs.jsonl"),
            retry=Retry(3),
        ),
        Node("report", MergeSpec(summary="planner"), ("quality", "translate"), when=When.ALL_DONE),
    )
    assert found.plan.author is Author.USER


def test_a_file_is_read_with_its_absolute_path(tmp_path, monkeypatch):
    (tmp_path / "t.yaml").write_text("goal: g\n")
    monkeypatch.chdir(tmp_path)
    assert load_task("t.yaml") == Task("g", path=str(tmp_path / "t.yaml"))


@pytest.mark.parametrize(("name", "message"), [("none.yaml", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_one_problem(tmp_path, name, message):
    with pytest.raises(TaskError, match=message) as caught:
        load_task(tmp_path / name)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("prompt: hi", PromptSpec("hi")),
        (
            "{prompt: hi, system: s, model: a/b, max_tokens: 5, temperature: 0}",
            PromptSpec("hi", "s", "a/b", 5, 0.0),
        ),
        ("run: [sleep, 1]", RunSpec(("sleep", "1"))),
        ("run: {argv: [a], cwd: c, env: {K: 1}, stdin: i, ok_exit: [0, 1]}",
         RunSpec(("a",), None, "c", {"K": "1"}, "i", (0, 1))),
        ("run: {shell: 'cat $1', args: ['{{ p }}'], ok_exit: 3}", RunSpec(("{{ p }}",), "cat $1", ok_exit=(3,))),
        ("python: print(1)", PythonSpec("print(1)")),
        ("{python: print(1), with: {x: '{{ p }}'}}", PythonSpec("print(1)", None, {"x": "{{ p }}"})),
        ("python: {file: f.py, with: {x: [1]}}", PythonSpec(None, "f.py", {"x": [1]})),
        ("python: {code: print(1)}", PythonSpec("print(1)")),
        ("merge: true", MergeSpec()),
        ("merge: {dedupe: false, rank: path, title: t}", MergeSpec(False, "path", "t")),
        ("ask: Go on?", AskSpec("Go on?")),
        ("ask: {question: 'Go on?', choices: ['yes', 'no']}", AskSpec("Go on?", ("yes", "no"))),
    ],
)  # fmt: skip
def test_each_kind_is_written_short_or_long(text, spec):
    assert node(text).spec == spec


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("items: docs.jsonl", MapSpec(path="docs.jsonl")),
        ("{items: '{{ p }}/docs.csv', as: doc, limit: 5, tolerate: 0.1}",
         MapSpec("doc", "{{ p }}/docs.csv", limit=5, tolerate=0.1)),
        ("items: [1, {k: v}]", MapSpec(values=(1, {"k": "v"}))),
        ("items: a", MapSpec(node="a")),
        ("items: '{{ a.output }}'", MapSpec(node="a")),
    ],
)  # fmt: skip
def test_items_are_a_file_a_list_or_a_node(text, mapped):
    found = node(f"prompt: hi\nmap:\n{textwrap.indent(text, '  ')}")
    assert found.map == mapped
    assert found.needs == (("a",) if mapped.node else ())


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90.0), ("1.5", 1.5), ("90s", 90.0), ("5m", 300.0), ("1h", 3600.0), ("1h30m", 5400.0)],
)
def test_a_duration_is_seconds_or_has_units(written, seconds):
    assert node(f"prompt: x\ntimeout: {written}").timeout_s == seconds


def test_retries_are_a_number_or_tell_the_pauses():
    assert node("{prompt: x, retries: 2}").retry == Retry(2)
    assert node("{prompt: x, retries: {limit: 2, base: 500, cap: 1h}}").retry == Retry(2, 500.0, 3600.0)


def test_written_needs_come_first_and_lookups_add_theirs_once():
    found = node("{needs: b, prompt: '{{ a.output }} {{ b.output.x.0 }} {{ a.error }}', system: '{{ p }}'}")
    assert found.needs == ("b", "a")


def test_every_field_of_a_node_can_be_looked_up():
    fields = ("output", "output.k.0", "items", "error", "state", "exit_code", "path")
    assert node(f"prompt: {' '.join(f'{{{{ a.{field} }}}}' for field in fields)!r}").needs == ("a",)


def test_other_keys_of_a_node_reach_it():
    found = node("""
        title: T
        prompt: x
        when: any_succeeded
        check: {schema: {type: array}, regex: x+, min_chars: 1, max_chars: 9}
        pool: web
        estimate: 2m
        side_effects: true
        retry_safe: true
    """)
    assert (found.title, found.when, found.pool, found.estimate_s) == ("T", When.ANY_SUCCEEDED, "web", 120.0)
    assert found.check == Check({"type": "array"}, "x+", 1, 9)
    assert (found.side_effects, found.retry_safe) == (True, True)


@pytest.mark.parametrize(
    ("written", "limits"),
    [
        ("4", Limits(4)),
        ("auto", Limits()),
        ("{a/b: 2}", Limits(None, {"a/b": 2})),
        ("{all: 9, c: 2}", Limits(9, {"c": 2})),
    ],
)
def test_concurrency_is_auto_a_number_or_per_pool(written, limits):
    assert task(f"goal: g\nlimits: {{concurrency: {written}}}").limits == limits


@pytest.mark.parametrize(("written", "seconds"), [("5", 5.0), ("0.5", 0.5), ("1m30s", 90.0), ("0", 0.0)])
def test_the_ramp_is_a_duration(written, seconds):
    assert task(f"goal: g\nlimits: {{ramp: {written}}}").limits == Limits(ramp_s=seconds)


def test_a_map_may_go_by_a_field_and_keep_its_items():
    found = task("goal: g\nnodes: {a: {map: {items: a.jsonl, field: text, keep_items: true}, prompt: 'do {{ item }}'}}")
    assert found.plan is not None
    assert found.plan.nodes[0].map == MapSpec(path="a.jsonl", field="text", keep_items=True)


def test_a_model_is_a_name_or_says_where_it_answers():
    found = task("""
        goal: g
        models:
          mine: {base_url: http://x/v1, model: m, api_key_env: K, price: {in: 1, out: 2}, context: 9}
          named: {provider: groq, model: l, dialect: anthropic}
          fake: {dialect: simulated, model: s}
    """).models
    assert found == {
        "mine": ModelRef("custom", "m", "openai-chat", "http://x/v1", "K", 1.0, 2.0, 9),
        "named": ModelRef("groq", "l", "anthropic"),
        "fake": ModelRef("simulated", "s", "simulated"),
    }


def test_a_name_from_models_can_be_used_in_a_node():
    spec = node("{prompt: x, model: mine}", before="models: {mine: a/b}\n").spec
    assert isinstance(spec, PromptSpec)
    assert spec.model == "mine"


def test_all_mistakes_are_told_at_once_each_at_its_place():
    assert problems("""\
        gaol: x
        limits: {concurrency: 0}
        nodes:
          scan: {run: git status}
          report:
            needs: [scn, report]
            prompt: "{{ scan.outptu }}"
            timeout: fast
    """) == [
        "t:1:1: `goal` is missing: add `goal: …`",
        "t:1:1: unknown key `gaol`: did you mean goal?",
        "t:2:23: concurrency: must be at least 1, not the number 0",
        "t:4:15: run: must be a list of arguments or a mapping, not `git status`: write a list such as [git, status],"
        " or {shell: …} for a script",
        "t:6:13: there is no node `scn`: did you mean scan?",
        "t:6:18: report needs itself: remove it from its needs",
        "t:7:13: {{ scan.outptu }}: nodes have no field `outptu`: a node has output, items, error, state, exit_code,"
        " path; a part of its output is scan.output.…",
        "t:8:14: timeout: this is not a duration: write seconds, or such as 90s, 5m, 1h30m",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{promt: x}", "unknown key `promt`: did you mean prompt?"),
        ("{needs: [], rnu: [x]}", "unknown key `rnu`: did you mean run?"),
    ],
)
def test_a_kind_that_is_misspelt_is_told_as_that_and_not_as_missing(text: str, message: str) -> None:
    assert node_problems(text) == [message]


def test_a_key_that_is_like_no_kind_leaves_the_kind_missing() -> None:
    told = " ".join(node_problems("{sytem: x}"))
    assert "does not say what it does" in told
    assert "unknown key `sytem`" in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "node n does not say what it does: give it one of prompt, run, python, merge, ask"),
        ("{prompt: x, run: [y]}", "node n has prompt and run: a node has one of them"),
        ("agent: claude", "the agent has nothing to do: say what, as `prompt: …` beside it"),
        ("{agent: cloude, prompt: x}", "there is no agent `cloude`: did you mean claude?"),
        ("{agent: claude, prompt: x, run: [y]}", "node n has run and agent: a node has one of them"),
        ("{agent: claude, prompt: x, turns: 3}", "`turns` belongs to prompt nodes, and this is an agent node"),
        ("{prompt: x, context: {a: 1}}", "`context` belongs to agent nodes, and this is a prompt node"),
        ("{plan: more, map: {items: [a]}}", "a map cannot be planned further"),
        ("{prompt: x, if: {b.output.next: [1], c.output: y}}", "{{ c.output }}: nothing here is called c"),
        ("{prompt: x, if: {b: y}}", "{{ b }} does not say which field"),
        ("{prompt: x, if: {'b output': y}}", "is not a lookup: write triage.output.next: research"),
        ("{run: [x], model: a/b}", "`model` belongs to prompt nodes, and this is a run node"),
        ("{prompt: x, with: {a: 1}}", "`with` belongs to python nodes"),
        ("prompt: 12", 'prompt: must be text, not the number 12: put it in quotes: "12"'),
        ("prompt: true", 'prompt: must be text, not true: put it in quotes: "true"'),
        ("prompt:", "prompt: must be text, not nothing"),
        ("prompt: ' '", "this text is empty"),
        ("{prompt: x, sytem: y}", "unknown key `sytem`: did you mean system?"),
        ("{prompt: x, map: {itmes: a}}", "unknown key `itmes`: did you mean items?"),
        ("{prompt: x, map: {limit: 1}}", "`items` is missing"),
        ("{prompt: x, map: {items: a, tolerate: 2}}", "tolerate: must be at most 1.0, not the number 2"),
        ("{prompt: x, map: {items: 3}}", "items: must be a file, a node or a list, not the number 3"),
        ("{prompt: x, map: {items: 'x{{ a.output }}'}}", "cannot be part of a file name or of the items"),
        ("{prompt: x, map: {items: [1], as: a}}", "`a` is also the id of a node"),
        ("{prompt: x, map: {items: [1], as: p}}", "`p` is also the name of an input"),
        ("{prompt: x, map: {items: [1], as: a.b}}", "as: is no name for the item"),
        ("{prompt: x, needs: 3}", "needs: must be an id or a list of ids, not the number 3"),
        ("{prompt: x, needs: [a, a]}", "need `a` is there twice"),
        ("{prompt: x, needs: [aa]}", "there is no node `aa`"),
        ("{prompt: x, when: always}", "when: must be 'all_succeeded', 'all_done' or 'any_succeeded', not `always`"),
        ("{prompt: x, retries: -1}", "retries: must not be negative, not the number -1"),
        ("{prompt: x, timeout: 0}", "timeout: must be more than 0"),
        ("{prompt: x, side_effects: 'yes'}", "side_effects: must be true or false, not `yes`"),
        ("{prompt: x, model: wrker}", "there is no model `wrker`: did you mean worker?"),
        ("merge: {summary: plannr}", "there is no model `plannr`: did you mean planner?"),
        ("{prompt: x, check: {schema: findngs}}", "there is no built-in schema `findngs`: did you mean findings?"),
        ("{prompt: x, check: {schema: {type: lst}}}", "not a JSON Schema: 'lst' is not valid"),
        ("{prompt: x, check: {regex: '('}}", "not a regular expression: missing ), unterminated subpattern"),
        ("{prompt: x, check: {min_chars: 5, max_chars: 4}}", "max_chars is less than min_chars"),
        ("prompt: '{{ aa.output }}'", "{{ aa.output }}: nothing here is called aa"),
        ("prompt: '{{ a }}'", "{{ a }} does not say which field: write {{ a.output }}"),
        ("prompt: '{{ a.state.x }}'", "{{ a.state.x }}: state has no parts"),
        ("prompt: '{{ a.items.0 }}'", "{{ a.items.0 }}: items has no parts"),
        ("prompt: '{{ p.x }}'", "the input p is one value and has no parts"),
        ("prompt: '{{ item.text }}'", "this node has no map, so there is no item"),
        ("prompt: '{{ n.output }}'", "n looks itself up"),
        ("prompt: '{{ a.output | upper }}'", "{{ a.output | upper }} is not a lookup"),
        ("python: 'print({{ a.output }})'", "{{ a.output }} inside code could become part of it: give it in `with`"),
        ("python: {code: 'x', file: y}", "python has both code and file"),
        ("{python: {code: x, with: {a: 1}}, with: {b: 2}}", "`with` is there twice"),
        ("run: []", "run: is empty"),
        ("run: {cwd: x}", "run has no argv"),
        ("run: {argv: [x], shell: y}", "run has both argv and shell"),
        ("run: {argv: [x], args: [y]}", "args are for a shell script"),
        ("run: [x, true]", 'run: must be text, not true: put it in quotes: "true"'),
        ('run: [x, "a\\0b"]', "a NUL character cannot be passed"),
        ("run: {argv: [x], env: {'A=B': c}}", "'A=B' is no name for an environment variable"),
        ("run: {shell: 'cat {{ a.output }}'}", "{{ a.output }} inside code could become part of it: give it in `args`"),
        (
            "run: [sh, -c, 'cat {{ a.output }}']",
            "a lookup inside a script could become part of it: give it as a further",
        ),
        ("run: [/bin/bash, -e, -lc, 'cat {{ p }}']", "a lookup inside a script could become part of it"),
        ("run: [env, python3, -c, 'print({{ p }})']", "a lookup inside a script could become part of it"),
        ("merge: false", "merge: must be true, not false"),
        ("ask: {choices: [a]}", "`question` is missing"),
        ("ask: {question: x, choices: []}", "choices: is empty"),
    ],
)
def test_a_mistake_in_a_node_is_told_in_plain_words(text, message):
    assert any(message in found for found in node_problems(text)), node_problems(text)


def test_a_lookup_beside_a_script_is_fine():
    assert node("run: [sh, -c, 'cat \"$1\"', sh, '{{ a.output }}']").needs == ("a",)
    assert node("run: {shell: 'cat \"$1\"', args: ['{{ a.output }}']}").needs == ("a",)


def test_braces_in_code_that_are_no_lookup_are_left_alone():
    assert node("python: 'print(f\"{{x}} {1}\")'").spec == PythonSpec('print(f"{{x}} {1}")')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: {needs: b, prompt: x}\n  b: {prompt: '{{ a.output }}'}",
         ["t:3:14: these nodes wait for each other: a -> b -> a"]),
        ("a: {needs: b, prompt: x}\n  b: {needs: a, timeout: x, prompt: x}", ["t:3:14: these nodes wait for each other",
                                                                              "t:4:26: timeout"]),
        ("a: {prompt: x}\n  A: {prompt: x}", ["t:4:3: `A` and `a` differ only in case"]),
        ("a.b: {prompt: x}\n  '1a': {prompt: x}", ["t:3:3: `a.b` is no name", "t:4:3: `1a` is no name"]),
        ("a: {prompt: x}\n  a: {prompt: y}", ["t:4:3: key `a` is there twice"]),
        ("p: {prompt: x}", ["t:3:3: `p` is also the name of an input"]),
        ("no: {prompt: x}", ["t:3:3: `no` would be read as false"]),
        ("012: {prompt: x}", ["t:3:3: `012` would be read as another number"]),
        ("12: {prompt: x}", ["t:3:3: key `12` is not text: quote it"]),
        ("a: do this", ["t:3:6: node a must be a mapping, not `do this`"]),
    ],
)  # fmt: skip
def test_a_mistake_in_the_graph_or_an_id_is_told_at_its_place(text, expected):
    found = problems("goal: g\nnodes:\n  " + text + "\ninputs: {p: 1}\n")
    assert [one.startswith(start) for one, start in zip(found, expected, strict=True)] == [True] * len(expected)


def test_each_knot_has_its_cycle_printed_once():
    found = problems("""\
        goal: g
        nodes:
          a: {needs: [b, c], prompt: x}
          b: {needs: a, prompt: x}
          c: {needs: b, prompt: x}
          d: {needs: e, prompt: x}
          e: {needs: d, prompt: x}
          f: {needs: e, prompt: x}
    """)
    assert [one.split(": ")[2] for one in found] == ["a -> b -> a", "d -> e -> d"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- goal: g", "a task file must be a mapping, not a list: begin with `goal: …`"),
        ("goal: ''", "this text is empty"),
        ("goal: g\nnodes: {}", "nodes is empty: write them by id, or leave `nodes` out"),
        ("goal: g\nnodes:", "nodes is empty"),
        ("goal: g\nnodes: [a]", "nodes must be a mapping, not a list"),
        ("goal: g\nlimits: {budget: {usd: -1}}", "usd: must not be negative, not the number -1"),
        ("goal: g\nlimits: {budget: {usd: lots}}", "usd: must be a number, not `lots`: write a number"),
        ("goal: g\nlimits: {budget: {usd: '5'}}", "usd: must be a number, not `5`: remove the quotes"),
        ("goal: g\nlimits: {concurrency: fast}", "concurrency: must be 'auto', not `fast`"),
        ("goal: g\nlimits: {concurrency: '4'}", "concurrency: must be 'auto', not `4`: remove the quotes"),
        ("goal: g\ninputs: {a.b: 1}", "`a.b` is no name for an input"),
        ("goal: g\ninputs: {a: {default: 1, required: true}}", "input a is required and has a default"),
        ("goal: g\ninputs: {a: {defalt: 1}}", "unknown key `defalt`: did you mean default?"),
        ("goal: g\nmodels: {w: gpt}", "w: must be provider/model"),
        ("goal: g\nmodels: {w: {model: m}}", "model w does not say where it answers"),
        ("goal: g\nmodels: {w: {base_url: x, model: m}}", "base_url: is not an http or https address"),
        ("goal: g\nmodels: {w: {base_url: 'http://x', model: m, api_key_env: 'sk-1'}}", "never the key itself"),
        ("goal: g\nmodels: {w: {base_url: 'http://x', model: m, price: {in: 1}}}", "`out` is missing"),
        ("goal: g\nmodels: {w: {dialect: openai, base_url: 'http://x', model: m}}", "dialect: must be 'openai-chat'"),
    ],
)
def test_a_mistake_outside_the_nodes_is_told_in_plain_words(text, message):
    assert any(message in found for found in problems(text)), problems(text)


def test_a_text_of_more_than_a_megabyte_is_refused():
    assert any("more than 1 MB" in found for found in node_problems("prompt: " + "é" * 500_001))
    assert node("prompt: " + "é" * 500_000).kind == "prompt"


def test_messages_are_one_line_even_when_the_file_is_hostile():
    for found in problems('goal: g\nnodes:\n  "a\\e[31m\\n": {prompt: x}\n  b: {"\\u202e\\0": "\\x07", prompt: x}\n'):
        assert found.isprintable()


def test_thousands_of_mistakes_are_all_told_and_quickly():
    text = "goal: g\nnodes:\n" + "".join(f"  n{i}: {{needs: [m{i}], prompt: x}}\n" for i in range(2_000))
    assert len(problems(text)) == 2_000
