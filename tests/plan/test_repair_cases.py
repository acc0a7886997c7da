"""What models write when JSON was asked for, kind by kind, and what is read in it."""

import json

import pytest

from swarmtui.plan.repair import loads_lenient

ONE = {"a": 1}
PLAN = {"title": "T", "steps": [{"need_search": True, "description": "d"}]}
PRETTY = json.dumps(PLAN, indent=2)

KINDS: dict[str, tuple[str, object]] = {
    # as it should be
    "an object": ('{"a": 1}', ONE),
    "an array": ("[1, 2, 3]", [1, 2, 3]),
    "an empty object": ("{}", {}),
    "an empty array": ("[]", []),
    "objects in an array": ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
    "an object in an object in an object": ('{"a": {"b": {"c": "d"}}}', {"a": {"b": {"c": "d"}}}),
    "arrays in an array": ("[[1, 2], [3, 4], [5, 6]]", [[1, 2], [3, 4], [5, 6]]),
    "an array in an object in an array": ('[{"a": [1, {"b": []}]}]', [{"a": [1, {"b": []}]}]),
    "true and false": ('{"a": true, "b": false}', {"a": True, "b": False}),
    "null": ('{"a": null}', {"a": None}),
    "numbers of every sort": ('{"a": 1, "b": -2.5, "c": 1e3, "d": 0}', {"a": 1, "b": -2.5, "c": 1000.0, "d": 0}),
    "a text alone": ('"text"', "text"),
    "a number alone": ("42", 42),
    "blanks around it": ("  \n\t {\"a\": 1} \n", ONE),
    "lines in between": (PRETTY, PLAN),
    "a mark of the byte order": ("\ufeff" + '{"a": 1}', ONE),
    # letters
    "Chinese": ('{"题目": "人工智能"}', {"题目": "人工智能"}),
    "letters with marks": ('{"a": "é ü ß ñ"}', {"a": "é ü ß ñ"}),
    "pictures": ('{"a": "🚀✨"}', {"a": "🚀✨"}),
    "letters as escapes": (r'{"a": "\u4e2d\u6587"}', {"a": "中文"}),
    "a picture as two escapes": (r'{"a": "\ud83d\ude80"}', {"a": "🚀"}),
    "half of a picture": (r'{"a": "\ud83d"}', {"a": "\ufffd"}),
    # marks within texts
    "braces in a text": ('{"a": "use {b} and }"}', {"a": "use {b} and }"}),
    "brackets in a text": ('{"a": "see [1] and ]"}', {"a": "see [1] and ]"}),
    "quotes in a text": (r'{"a": "he said \"no\""}', {"a": 'he said "no"'}),
    "backslashes in a text": (r'{"a": "C:\\x\\y"}', {"a": r"C:\x\y"}),
    "a backslash at the end of a text": ('{"a": "x\\\\"} tail', {"a": "x\\"}),
    "slashes in a text": ('{"a": "https://example.org/x"}', {"a": "https://example.org/x"}),
    "escaped slashes": (r'{"a": "x\/y"}', {"a": "x/y"}),
    "an escaped end of line": (r'{"a": "x\ny"}', {"a": "x\ny"}),
    "a raw end of line": ('{"a": "x\ny"}', {"a": "x\ny"}),
    "a raw tab": ('{"a": "x\ty"}', {"a": "x\ty"}),
    "a fence in a text": ('{"a": "```py\\nx\\n```"}', {"a": "```py\nx\n```"}),
    "JSON in a text": (r'{"a": "{\"b\": [1]}"}', {"a": '{"b": [1]}'}),
    "marks of comments in a text": ('{"a": "x // y # z /* */",}', {"a": "x // y # z /* */"}),
    # fences
    "a fence": ('```\n{"a": 1}\n```', ONE),
    "a fence that says json": ('```json\n{"a": 1}\n```', ONE),
    "a fence that says JSON": ('```JSON\n{"a": 1}\n```', ONE),
    "a fence that says Json": ('```Json\n{"a": 1}\n```', ONE),
    "a fence that says ts": ('```ts\n{"a": 1}\n```', ONE),
    "a fence that says TS": ('```TS\n{"a": 1}\n```', ONE),
    "a fence that says javascript": ('```javascript\n{"a": 1}\n```', ONE),
    "a fence after blanks": ('    ```json\n{"a": 1}\n```', ONE),
    "a fence after a tab": ('\t```json\n{"a": 1}\n```', ONE),
    "blanks after the word of a fence": ('```json   \n{"a": 1}\n```', ONE),
    "empty lines within a fence": ('```json\n\n\n{"a": 1}\n\n```', ONE),
    "blanks before the closing fence": ('```json\n{"a": 1}\n   ```   ', ONE),
    "a fence on the line of the value": ('```json {"a": 1} ```', ONE),
    "a fence with the line ends of Windows": ('```json\r\n{"a": 1}\r\n```\r\n', ONE),
    "a fence after words": ('Here it is:\n\n```json\n{"a": 1}\n```', ONE),
    "a fence between words": ('Here:\n```JSON\n{"a": 1}\n```\nAnything else?', ONE),
    "a fence that is not closed": ('```json\n{"a": 1}', ONE),
    "a fence that is closed only": ('{"a": 1}\n```', ONE),
    "a fence around many lines": (f"```json\n{PRETTY}\n```", PLAN),
    "a fence around what was cut off": ('```json\n{"a": 1, "b": [1, 2', {"a": 1, "b": [1, 2]}),
    "a fence around an array": ('```json\n[{"a": 1}]\n```', [{"a": 1}]),
    "a fence around Chinese": ('```json\n{"locale": "zh", "题目": "研究"}\n```', {"locale": "zh", "题目": "研究"}),
    # words around it
    "words before it": ('The plan is {"a": 1}', ONE),
    "words after it": ('{"a": 1} I hope that helps!', ONE),
    "words around it": ('Sure! {"a": 1} Done.', ONE),
    "words after an array": ("[1, 2, 3] garbage", [1, 2, 3]),
    "words after nested ones": ('{"a": {"b": [1, 2]}} and more', {"a": {"b": [1, 2]}}),
    "words after an empty object": ("{} and more", {}),
    "words after an empty array": ("[] and more", []),
    "tokens of the model after it": ('{"a": 1}<|im_end|>', ONE),
    "a brace too many": ('{"a": 1}}', ONE),
    "a bracket too many": ("[1, 2]]", [1, 2]),
    "another sort of bracket too many": ('{"a": 1}]', ONE),
    "many brackets too many": ('{"a": [1]}]}]}', {"a": [1]}),
    "thoughts before it": ('<think>maybe {"a": 2}</think>{"a": 1}', ONE),
    "footnotes in the words": ('As [1] shows: {"a": 1, "b": "more"}', {"a": 1, "b": "more"}),
    # several
    "two objects": ('{"first": "object"} {"second": "object"}', [{"first": "object"}, {"second": "object"}]),
    "an object per line": ('{"a": 1}\n{"a": 2}\n{"a": 3}\n', [{"a": 1}, {"a": 2}, {"a": 3}]),
    "the same object twice": ('{"a": 1}\n{"a": 1}', ONE),
    "a draft and, after words, the whole": ('{"a": 0} is too short, so {"a": 1, "b": 2}', {"a": 1, "b": 2}),
    # carelessly written
    "a comma after the last member": ('{"a": 1,}', ONE),
    "a comma after the last element": ("[1, 2,]", [1, 2]),
    "no comma at the end of a line": ('{"a": 1\n"b": 2}', {"a": 1, "b": 2}),
    "single quotes": ("{'a': 'b'}", {"a": "b"}),
    "an apostrophe in single quotes": (r"{'a': 'it\'s'}", {"a": "it's"}),
    "curly quotes": ("{\u201ca\u201d: \u201cb\u201d}", {"a": "b"}),
    "keys without quotes": ("{a: 1}", ONE),
    "a text without quotes": ('{"a": in plain words, "b": 1}', {"a": "in plain words", "b": 1}),
    "a text without quotes, cut off": ('{"this": "is", "it": broken and cut', {"this": "is", "it": "broken and cut"}),
    "a text without quotes at the end of a line": ('{"a": plain words\n}', {"a": "plain words"}),
    "the words of Python": ("{'a': True, 'b': None}", {"a": True, "b": None}),
    "a comment": ('{"a": 1 // the first\n}', ONE),
    "a comment of many lines": ('{/* one\ntwo */"a": 1}', ONE),
    "a plus before a number": ('{"a": +1}', ONE),
    "a number that begins with a point": ('{"a": .5}', {"a": 0.5}),
    # cut off
    "cut off after a member": ('{"a": 1', ONE),
    "cut off after a comma": ('{"a": 1,', ONE),
    "cut off in a key": ('{"a": 1, "lo', ONE),
    "cut off before a value": ('{"a": 1, "b":', ONE),
    "cut off in a text": ('{"a": "lon', {"a": "lon"}),
    "cut off in an escape": ('{"a": "x\\', {"a": "x"}),
    "cut off in a letter's escape": ('{"a": "x\\u4e', {"a": "x"}),
    "cut off in a word": ('{"a": 1, "b": fal', ONE),
    "cut off in an array": ('{"a": [1, 2', {"a": [1, 2]}),
    "cut off deep within": ('{"a": {"b": [{"c": "d"', {"a": {"b": [{"c": "d"}]}}),
}  # fmt: skip

NONE = {
    "nothing": "",
    "blanks": " \n\t ",
    "words": "I cannot help with that.",
    "words with braces": "use {name} here",
    "words with brackets": "[see above] and [note]",
    "an empty fence": "```json\n```",
    "code": "if (x) { return y; }",
    "an end without a beginning": "}]",
    "no number": '{"a": NaN}',
    "no number either": '{"a": -Infinity}',
    "a text without quotes that holds some": '{"a": he said "no" to it}',
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_read(kind: str) -> None:
    text, value = KINDS[kind]
    assert loads_lenient(text) == value


@pytest.mark.parametrize("kind", NONE)
def test_nothing_is_read_in(kind: str) -> None:
    with pytest.raises(ValueError, match="no JSON"):
        loads_lenient(NONE[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_read_and_is_written_is_read_the_same(kind: str) -> None:
    value = loads_lenient(KINDS[kind][0])
    assert loads_lenient(json.dumps(value, ensure_ascii=False)) == value
