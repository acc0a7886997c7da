"""The style sheet of all screens: each source of it is parsed once for every set of colours, not for every screen."""

from __future__ import annotations

import re
from functools import lru_cache

from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.css.types import CSSLocation

KEPT = 640
"""Parsed sources that are kept: some thirty for each theme that was looked at."""
_VARIABLE = re.compile(r"\$([\w-]+)")


class Sheet(Stylesheet):
    """Textual's forgets what it has parsed whenever a screen brings a source of its own, and with every theme."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._parsed: LRUCache[tuple[object, ...], list[RuleSet]] = LRUCache(KEPT)

    def _parse_rules(
        self,
        css: str,
        read_from: CSSLocation,
        is_default_rules: bool = False,
        tie_breaker: int = 0,
        scope: str = "",
    ) -> list[RuleSet]:
        values = tuple(self._variables.get(name) for name in _names(css))
        key = (css, read_from, is_default_rules, tie_breaker, scope, values)
        rules = self._parsed.get(key)
        if rules is None:
            rules = super()._parse_rules(css, read_from, is_default_rules, tie_breaker, scope)
            self._parsed[key] = rules
        return rules

    def reparse(self) -> None:
        """Parse what has not been; where that fails, all is as it was."""
        self.parse()

    def warm(self, source: CSSLocation) -> None:
        """Parse one source, so that nobody waits for it later."""
        css, is_default, tie_breaker, scope = self.source[source]
        self._parse_rules(css, source, is_default, tie_breaker, scope)


@lru_cache(maxsize=256)
def _names(css: str) -> tuple[str, ...]:
    """The variables that a source names."""
    return tuple(sorted(set(_VARIABLE.findall(css))))
