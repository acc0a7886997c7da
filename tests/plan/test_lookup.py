"""Lookups: what they are, what they give, and that they are never expanded twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.plan.lookup import (
    GoesBy,
    Lookup,
    LookupFailed,
    TemplateError,
    literal,
    parse,
    references,
    render,
    render_spec,
    render_value,
    texts,
)
from swarmtui.plan.model import AskSpec, MergeSpec, PromptSpec, PythonSpec, RunSpec

VALUES = {
    "a": {"output": '{"files": ["x.py", "y.py"], "n": 2}', "error": None},
    "path": ".",
    "doc": {"first name": "Ada"},
}


def test_a_template_is_literal_text_and_lookups():
    assert parse("a {{ b.c.0 }} d") == ("a ", Lookup("b", ("c", "0")), " d")
    assert parse("") == ()
    assert parse("no braces }} here { }") == ("no braces }} here { }",)


def test_references_are_listed_in_order_with_repeats():
    assert [str(one) for one in references("{{b}}{{ a.x }} {{ b }}")] == ["b", "a.x", "b"]


def test_blanks_inside_the_braces_do_not_matter():
    assert render("{{path}}{{  path  }}{{\npath\n}}", VALUES) == "..."


def test_a_lookup_steps_into_mappings_and_lists():
    assert render("{{ x.list.1.k }}", {"x": {"list": [0, {"k": "v"}]}}) == "v"


def test_a_field_with_blanks_is_quoted():
    assert render('{{ doc."first name" }}', VALUES) == "Ada"
    assert str(references('{{ doc."first name" }}')[0]) == 'doc."first name"'


def test_an_output_that_is_json_can_be_looked_into():
    assert render("{{ a.output.files.1 }} of {{ a.output.n }}", VALUES) == "y.py of 2"
    assert render("{{ a.output.k }}", {"a": {"output": 'Sure!\n```json\n{"k": 1}\n```'}}) == "1"


@given(st.lists(st.text(st.sampled_from('{} "a.'), max_size=8), max_size=3))
def test_text_that_is_no_template_stands_for_itself_whatever_it_is_joined_to(pieces):
    assert render("{{ path }}".join(literal(text) for text in pieces), VALUES) == ".".join(pieces)
    assert render("".join(literal(text) for text in pieces), VALUES) == "".join(pieces)


def test_quoted_braces_stand_for_themselves():
    assert render('{{ "{{" }} path {{ "}}" }}', VALUES) == "{{ path }}"


@pytest.mark.parametrize(
    "template", ["{{ }}", "{{ a | upper }}", "{{ a.b() }}", "{{ a[0] }}", "{{ a", "{{ a. }}", "{{ a .. b }}",
                 '{{ "x".y }}', "{{ a b }}", "{{{ a }}}", "{{ 'a' }}", "{{ a + b }}"],
)  # fmt: skip
def test_anything_else_between_braces_is_an_error_that_says_how_to_write_it(template):
    with pytest.raises(TemplateError, match="write"):
        parse(template)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ nope }}", "nothing here is called nope"),
        ("{{ doc.last }}", "has no 'last'; it has first name"),
        ("{{ a.output.files.7 }}", "has 2 parts"),
        ("{{ a.output.files.-1 }}", "numbered from 0"),
        ("{{ a.output.n.x }}", "which has no parts"),
        ("{{ path.x }}", "holds no JSON"),
        ("{{ a.error.x }}", "which has no parts"),
        ("{{ a.__class__ }}", "has no '__class__'"),
        ("{{ path.__len__ }}", "holds no JSON"),
    ],
)
def test_a_lookup_that_leads_nowhere_is_named_with_the_reason(template, reason):
    with pytest.raises(LookupFailed) as caught:
        render(template, VALUES)
    assert template in str(caught.value)
    assert reason in str(caught.value)


def test_values_may_come_from_a_function():
    assert render("{{ x.y }}", {"x": {"y": 1}}.__getitem__) == "1"


@given(st.text(), st.text(alphabet="ab{} .\"'"))
def test_what_a_value_says_is_never_read_as_a_template(value, around):
    around = around.replace("{{", "")
    assert render(f"{around} {{{{ x }}}}", {"x": value, "a": "WRONG", "b": "WRONG"}) == f"{around} {value}"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x, max_size=3)))
def test_a_text_that_is_one_lookup_becomes_the_value_itself(value):
    assert render_value({"k": ["{{ x }}", 1]}, {"x": value}) == {"k": [value, 1]}


def test_in_a_longer_text_values_become_compact_json_and_nothing_an_empty_text():
    values = {"x": {"a": [1, True, None, "é"]}, "none": None, "yes": True}
    assert render_value("v={{ x }}{{ none }} {{ yes }}", values) == 'v={"a":[1,true,null,"é"]} true'


def test_every_text_of_a_node_that_may_hold_lookups_is_resolved():
    def spec_of(value: str) -> list:
        return [
            PromptSpec(value, system=value),
            RunSpec((value,), cwd=value, env={"K": value}, stdin=value),
            RunSpec((value,), shell="echo {{ x }}"),
            PythonSpec(code="print('{{ x }}')", values={"k": [value]}),
            MergeSpec(title=value),
            AskSpec(value, (value,)),
        ]

    rendered = [render_spec(spec, {"x": "v"}) for spec in spec_of("<{{ x }}>")]
    assert rendered == spec_of("<v>")
    assert [text for spec in rendered for _, text in texts(spec)] == ["<v>"] * 11


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ x }}", "rivers"),
        ("{{ x.lang }}", "fr"),
        ("{{ x.text }}", "rivers"),
    ],
)
def test_an_object_that_goes_by_a_field_is_that_field_alone_and_itself_with_a_path(template: str, told: str) -> None:
    assert render(template, {"x": GoesBy({"text": "rivers", "lang": "fr"}, "text")}) == told


def test_a_path_that_an_object_has_not_is_looked_for_in_the_field_it_goes_by() -> None:
    values = {"x": GoesBy({"text": {"deep": 1}, "lang": "fr"}, "text")}
    assert render("{{ x.deep }} {{ x.lang }} {{ x }}", values) == '1 fr {"deep":1}'
    with pytest.raises(LookupFailed, match="x has no 'lang'; it has text"):
        render("{{ x.lang }}", {"x": GoesBy({"text": "plain"}, "text")})
