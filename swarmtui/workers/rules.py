"""What is known of analysers' rules: how bad each is, what it is about, and which say the same.

Ruff gives every diagnostic the level "error", so severity has to come from the rule. The judgement here is that of a
reviewer of ordinary application code: *high* is probably a hole or a failure at run time, *medium* is worth a look,
*low* is upkeep. Rules that are right too seldom to be worth a reader's time have no entry; the sample review asks ruff
for exactly the rules that have one.

Rule codes are those of ruff (https://docs.astral.sh/ruff/rules/), which keeps the numbers of the tools that it took
the rules from: ``S1xx`` is bandit's ``B1xx``, ``PLW0127`` is pylint's ``W0127``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_SECURITY = {
    "high": """S201 S202 S304 S305 S312 S323 S501 S502 S503 S505 S506 S507 S602 S605 S609 S612 PLE2502""",
    "medium": """S102 S103 S105 S106 S107 S301 S302 S303 S306 S307 S308 S321 S324 S508 S509 S601 S604 S608 S610 S611
        S701 S702 S704""",
    "low": """S104 S108 S113 S310 S313 S314 S315 S316 S317 S318 S319 S504""",
    "info": """S311""",
}
_BUGS = {
    "high": """F501 F502 F503 F505 F506 F507 F508 F509 F521 F524 F525 F621 F622 F633 F634 F701 F702 F704 F706 F707
        F821 F823 B016 B030 PLE0100 PLE0101 PLE0115 PLE0117 PLE0118 PLE0237 PLE0241 PLE0303 PLE0304 PLE0305 PLE0307
        PLE0308 PLE0309 PLE0643 PLE1132 PLE1142 PLE1300 PLE1307 PLE1519 PLE1520 PLE1700 PLR1708 PLW0133 PLW0245
        PLW0711 PLW1501 PLW2101 RUF016 ASYNC105 G101""",
    "medium": """F601 F602 F631 F632 F811 F822 F901 B002 B003 B005 B006 B012 B015 B022 B023 B025 B029 B031 B032
        B035 B039 PLE0302 PLE0604 PLE0605 PLE0704 PLE1205 PLE1206 PLE1310 PLE1507 PLR0124 PLR0206 PLW0127 PLW0129
        PLW0177 PLW0211 PLW1507 PLW1509 RUF006 RUF008 RUF009 RUF018 RUF024 RUF026 RUF033 RUF034 RUF040 RUF048 RUF049
        RUF064 ASYNC210 ASYNC212 ASYNC221 ASYNC222 ASYNC250 ASYNC251 T100 YTT101 YTT102 YTT103 YTT201 YTT301 YTT302
        YTT303 PIE794 SIM107 INT001 INT002 INT003""",
    "low": """F401 F402 F403 F504 F522 F523 F722 F841 E711 E721 E722 B004 B014 B017 B020 B018 B019 B021 B033 B034
        PLE2510 PLE2512 PLE2513 PLE2514 PLE2515 PLR0133 PLW0120 PLW0128 PLW0131 PLW0406 PLW1508 RUF030 RUF032
        RUF060 RUF068 RUF071 ASYNC100 ASYNC220 ASYNC230 ASYNC240 DTZ003 DTZ004 LOG001 LOG002 LOG004 LOG007
        LOG014 G010 YTT203 YTT204 PIE796 SIM115 BLE001 S110 S112""",
}
_COMPLEXITY = {"low": "C901 PLR0912 PLR0915 PLR0917"}
_DOCUMENTATION = {"low": "D100 D101 D102 D103"}
_PACKAGING = {"medium": "RUF200"}

_TABLES = {
    "security": _SECURITY,
    "bugs": _BUGS,
    "complexity": _COMPLEXITY,
    "documentation": _DOCUMENTATION,
    "packaging": _PACKAGING,
}

RUFF_RULES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        code: (severity, category)
        for category, table in _TABLES.items()
        for severity, codes in table.items()
        for code in codes.split()
    }
)
"""Code -> (severity, category), for every rule that is worth reporting."""

_PYLINT_NAMES = {
    "bare-except": "E722",
    "broad-except": "BLE001",
    "broad-exception-caught": "BLE001",
    "cell-var-from-loop": "B023",
    "dangerous-default-value": "B006",
    "duplicate-key": "F601",
    "eval-used": "S307",
    "exec-used": "S102",
    "function-redefined": "F811",
    "literal-comparison": "F632",
    "logging-too-few-args": "PLE1206",
    "logging-too-many-args": "PLE1205",
    "missing-class-docstring": "D101",
    "missing-function-docstring": "D103",
    "missing-module-docstring": "D100",
    "missing-timeout": "S113",
    "pointless-statement": "B018",
    "raise-missing-from": "B904",
    "self-assigning-variable": "PLW0127",
    "singleton-comparison": "E711",
    "subprocess-popen-preexec-fn": "PLW1509",
    "subprocess-run-check": "PLW1510",
    "syntax-error": "syntax-error",
    "too-many-branches": "PLR0912",
    "too-many-return-statements": "PLR0911",
    "too-many-statements": "PLR0915",
    "undefined-variable": "F821",
    "unidiomatic-typecheck": "E721",
    "unused-import": "F401",
    "unused-variable": "F841",
    "used-before-assignment": "F823",
    "wildcard-import": "F403",
}
_PYLINT_CODES = {
    "E0001": "syntax-error",
    "E0102": "F811",
    "E0601": "F823",
    "E0602": "F821",
    "C0114": "D100",
    "C0115": "D101",
    "C0116": "D103",
    "C0121": "E711",
    "C0123": "E721",
    "R0123": "F632",
    "R1732": "SIM115",
    "W0102": "B006",
    "W0104": "B018",
    "W0109": "F601",
    "W0122": "S102",
    "W0123": "S307",
    "W0401": "F403",
    "W0611": "F401",
    "W0612": "F841",
    "W0640": "B023",
    "W0702": "E722",
    "W0707": "B904",
    "W0718": "BLE001",
    "W3101": "S113",
}
_SAME = {
    "E999": "syntax-error",
    "E9": "syntax-error",
    "invalid-syntax": "syntax-error",
    "consider-using-with": "SIM115",
    # what catches everything: without a type, by Exception, and then does nothing about it
    "E722": "swallows-errors",
    "BLE001": "swallows-errors",
    "S110": "swallows-errors",
    "S112": "swallows-errors",
    # size of a function, measured four ways
    "C901": "complex-function",
    "PLR0911": "complex-function",
    "PLR0912": "complex-function",
    "PLR0915": "complex-function",
    # the two of ruff's rules that came from one of bandit's, split by call
    "S303": "weak-hash",
    "S324": "weak-hash",
}
_MYPY = {"name-defined": "F821", "no-redef": "F811", "syntax": "syntax-error"}
_BANDIT_SPLIT = {"B303": "weak-hash", "B324": "weak-hash"}

_PYLINT_CODE = re.compile(r"[CEFRW]\d{4}")
_BANDIT_CODE = re.compile(r"B[1-7]\d\d")


def severity_of(tool: str, rule: str, message: str = "") -> str | None:
    """Severity of a finding whose tool does not grade its findings itself; None where nothing is known."""
    if tool.casefold() != "ruff":
        return None
    if rule == "invalid-syntax":
        return "high"
    if "seems safe" in message:  # a shell, but a command that is written out in full
        return "low"
    known = RUFF_RULES.get(rule)
    return known[0] if known else "low"


def category_of(tool: str, rule: str) -> str | None:
    """What a rule is about; None where that is not known."""
    code = _ruff_code(tool.casefold(), rule)
    known = RUFF_RULES.get(code)
    if known:
        return known[1]
    return "security" if tool.casefold() == "bandit" else None


def meaning_of(tool: str, rule: str) -> str:
    """A name that rules of different tools share when they look for the same thing."""
    code = _ruff_code(tool.casefold(), rule)
    return _SAME.get(code, code)


def _ruff_code(tool: str, rule: str) -> str:
    if tool == "bandit" and _BANDIT_CODE.fullmatch(rule):
        return _BANDIT_SPLIT.get(rule, "S" + rule[1:])
    if tool == "mypy":
        return _MYPY.get(rule, f"mypy:{rule}")
    if tool == "pylint" and _PYLINT_CODE.fullmatch(rule):
        return _PYLINT_CODES.get(rule, "PL" + rule)
    return _PYLINT_NAMES.get(rule, rule) if tool in ("pylint", "flake8", "ruff") else rule
