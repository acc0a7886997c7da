"""How keys are called: what is printed on them, what users write in their config file, and what Textual says."""

from __future__ import annotations

from difflib import get_close_matches

_KEPT = "{\0"
"""A brace of somebody else's in a sentence that names actions; no text that was cleaned has such a sign."""
_KEY_NAMES = {
    "plus": "+", "equals_sign": "=", "minus": "-", "slash": "/", "question_mark": "?", "colon": ":", "escape": "esc",
    "greater_than_sign": ">", "less_than_sign": "<", "full_stop": ".", "comma": ",", "semicolon": ";",
    "left_square_bracket": "[", "right_square_bracket": "]", "apostrophe": "'", "asterisk": "*", "backslash": "\\",
    "exclamation_mark": "!", "quotation_mark": '"', "number_sign": "#", "dollar_sign": "$", "percent_sign": "%",
    "ampersand": "&", "left_parenthesis": "(", "right_parenthesis": ")", "at": "@", "circumflex_accent": "^",
    "underscore": "_", "grave_accent": "`", "left_curly_bracket": "{", "right_curly_bracket": "}",
    "vertical_line": "|", "tilde": "~",
    "pageup": "pgup", "pagedown": "pgdn", "shift+tab": "S-tab", "up": "↑", "down": "↓", "left": "←", "right": "→",
}  # fmt: skip
_ASCII_KEYS = {"up": "up", "down": "down", "left": "left", "right": "right"}

_FUNCTION = tuple(f"f{number}" for number in range(1, 25))
_PLAIN = (
    "escape", "space", "enter", "tab", "backspace", "insert", "delete", "home", "end", "pageup", "pagedown",
    "up", "down", "left", "right", *_FUNCTION,
)  # fmt: skip
_ALSO = {
    "esc": "escape", "return": "enter", "ret": "enter", "del": "delete", "ins": "insert", "pgup": "pageup",
    "pgdn": "pagedown", "pgdown": "pagedown", "page_up": "pageup", "page_down": "pagedown", "spacebar": "space",
    "hyphen_minus": "minus", "plus_sign": "plus", "solidus": "slash", "low_line": "underscore",
    "commercial_at": "at", "reverse_solidus": "backslash", "equals": "equals_sign", "period": "full_stop",
    "↑": "up", "↓": "down", "←": "left", "→": "right",
}  # fmt: skip
"""Names that people give to keys, and what Textual calls those."""
_BY_PRINT = {printed: key for key, printed in _KEY_NAMES.items() if len(printed) == 1} | {" ": "space"}
_MODIFIERS = {"ctrl": "ctrl", "control": "ctrl", "c": "ctrl", "shift": "shift", "s": "shift", "alt": "alt"}
_SAME_AS = {"i": "tab", "m": "enter", "h": "backspace", "j": "enter", "left_square_bracket": "esc"}
"""What terminals send the same bytes for as for ctrl and one of these."""
_MOVING = frozenset(("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete"))
_OTHERWISE = "use a letter, a sign, a function key such as F7, or ctrl with a letter"


class UnusableKey(ValueError):
    """A key that cannot be an action's; the text says why, and `fix` what would do."""

    def __init__(self, why: str, fix: str = _OTHERWISE) -> None:
        super().__init__(why)
        self.fix = fix


def verbatim(text: str) -> str:
    """`text` of somebody else's for a sentence that names actions as ``{their_ids}``: what it has in braces is none."""
    return text.replace("{", _KEPT)


def restored(sentence: str) -> str:
    """A sentence with keys in it, with what is :func:`verbatim` in it as it was written."""
    return sentence.replace(_KEPT, "{")


def key_name(key: str, *, ascii_only: bool = False) -> str:
    """What is printed on a key, more or less."""
    if ascii_only and key in _ASCII_KEYS:
        return _ASCII_KEYS[key]
    name = _KEY_NAMES.get(key, key)
    held, plus, last = name.rpartition("+")
    if last in _FUNCTION:
        return f"{held}{plus}{last.upper()}"
    if not name.startswith("ctrl+"):
        return name
    rest = name.removeprefix("ctrl+")
    return f"^{_KEY_NAMES.get(rest, rest)}" if len(rest) == 1 or rest in _KEY_NAMES else name


def parse_key(written: str) -> str:
    """The key that a user means, as Textual calls it.

    Written as printed (``?``, ``A``, ``esc``, ``^k``), with what is held down (``ctrl+k``, ``S-tab``), or as Textual
    has it (``question_mark``). Raises UnusableKey for what is no key, and for what terminals do not send.
    """
    text = written if written == " " else written.strip()
    if len(text) == 1:
        return _single(text)
    held, name = _apart(text)
    key = _named(name, written)
    if not held:
        return key
    if held == {"shift"}:
        return _with_shift(key, written)
    if held == {"ctrl"}:
        return _with_ctrl(key, written)
    if held == {"alt"} and len(key) == 1:
        return f"alt+{key}"
    raise UnusableKey(f"{written!r} is not sent by most terminals")


def prints(key: str) -> bool:
    """Whether the key (as Textual calls it) writes a character where something is typed."""
    return len(key) == 1 or key == "space" or (key in _KEY_NAMES and len(_KEY_NAMES[key]) == 1 and key not in _PLAIN)


def _single(char: str) -> str:
    if char in _BY_PRINT:
        return _BY_PRINT[char]
    if char in _ALSO:
        return _ALSO[char]
    if char.isalnum():
        return char
    raise UnusableKey(f"{char!r} is no key", _OTHERWISE)


def _apart(text: str) -> tuple[set[str], str]:
    """What is held down, and the rest: of ``ctrl+k``, ``C-k``, ``^k``."""
    if text.startswith("^") and len(text) == 2:
        return {"ctrl"}, text[1]
    held: set[str] = set()
    while len(text) > 2:
        at = min((found for sign in "+-" if (found := text.find(sign, 1)) > 0), default=0)
        modifier = _MODIFIERS.get(text[:at].casefold()) if 0 < at < len(text) - 1 else None
        if modifier is None:
            break
        held.add(modifier)
        text = text[at + 1 :]
    return held, text


def _named(name: str, written: str) -> str:
    if len(name) == 1:
        return _single(name)
    low = name.casefold().replace(" ", "_").replace("-", "_")
    found = _ALSO.get(low, low)
    if found in _PLAIN or found in _KEY_NAMES:
        return found
    near = get_close_matches(low, [*_PLAIN, *_KEY_NAMES, *_ALSO], 1, 0.7)
    raise UnusableKey(f"{written[:40]!r} is no key", f"did you mean {near[0]}?" if near else _OTHERWISE)


def _with_shift(key: str, written: str) -> str:
    if len(key) == 1 and key.isalpha():
        return key.upper()
    if key == "tab" or key in _MOVING or (key.startswith("f") and key[1:].isdigit()):
        return f"shift+{key}"
    if key in ("enter", "space", "backspace", "escape"):
        raise UnusableKey(f"terminals send {written!r} as {key_name(key)} alone")
    raise UnusableKey(f"{written!r} depends on the keyboard", "write the sign that it prints")


def _with_ctrl(key: str, written: str) -> str:
    low = key.casefold() if len(key) == 1 else key
    if low in _SAME_AS:
        raise UnusableKey(f"terminals send {written!r} as {_SAME_AS[low]}")
    if low == "c":
        raise UnusableKey("ctrl+c leaves, everywhere")
    if len(low) == 1 and low.isascii() and low.isalpha():
        return f"ctrl+{low}"
    if key in _MOVING or key in ("backslash", "underscore", "circumflex_accent", "right_square_bracket"):
        return f"ctrl+{key}"
    raise UnusableKey(f"most terminals do not send {written!r}")
