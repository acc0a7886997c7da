"""What the simulated model writes: sentences made of the words of the request, and the links in it. Pure and seeded."""

from __future__ import annotations

import random
import re

LABEL = "[simulated]"
_WORD = re.compile(r"[^\W\d_][\w-]{3,}")
_COMMON = frozenset(
    _WORD.findall(
        """about above after again against also among another answer because been before being below between both
        briefly cannot collect could does doing done down each either every find first following from further give goal
        have having here into itself just know least less like list made make many might more most much must need needed
        node none nothing once only other over part please prompt question reply result results same says should show
        simulated since some step such tell text than that their them then there these they this those through under
        until upon used using very want were what when where whether which while with within without work would write
        your"""
    )
)
_SENTENCES = (
    "On {a}, this stands where a model would weigh {b} against {c}.",
    "A real answer would now name its sources for {a} and say how far they go.",
    "The part about {b} would follow from {a}, with its reasons.",
    "Nothing here was looked up: {a} and {c} come from the request itself.",
    "Where {c} matters, one would compare two or three cases and judge them.",
    "For {b}, a short list with figures would stand in this place.",
    "What remains open about {a} would be said plainly at the end.",
    "This sentence only shows how text on {b} streams into its pane.",
)

_TAG = re.compile(r"</?(?:tool|subagent)_result[^>]*>")
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]\n]|\[[^\]\n]*\])+)\]\((https?://[^\s()<>]+)\)")
_ADDRESS = re.compile(r"https?://[^\s<>\"'()\[\]`]+")
_NUMBER = re.compile(r"^\W*\d+[.)]\s*")
_MOST_LINKS = 12
_TITLE_CHARS = 120


def label(text: str) -> str:
    """`text` marked as simulated."""
    return f"{LABEL} {text}"


def topics(text: str) -> list[str]:
    """The telling words of `text`, the most frequent first, at most six."""
    counts: dict[str, int] = {}
    for word in _WORD.findall(text[:4000]):
        if word.lower() not in _COMMON:
            counts[word] = counts.get(word, 0) + 1
    return sorted(counts, key=lambda word: -counts[word])[:6]


def paragraph(about: str, rng: random.Random, sentences: int = 3) -> str:
    """Some sentences that use the words of `about`."""
    words = topics(about) or ["the question", "the request"]
    chosen = rng.sample(_SENTENCES, k=min(sentences, len(_SENTENCES)))
    return " ".join(
        sentence.format(a=rng.choice(words), b=rng.choice(words), c=rng.choice(words)) for sentence in chosen
    )


def result_text(told: str, limit: int) -> str:
    """The beginning of what a tool answered, on one line."""
    return " ".join(_TAG.sub(" ", told).split())[:limit]


def links_in(text: str) -> dict[str, str]:
    """The Markdown links in `text`: address -> what it is called."""
    return {url: " ".join(name.split()) for name, url in _LINK.findall(text)}


def links_of_tool(told: str) -> dict[str, str]:
    """The addresses in what a tool answered; one that stands alone on its line is called what the line above says."""
    found = links_in(told)
    above = ""
    for line in told.splitlines():
        for match in _ADDRESS.finditer(_LINK.sub("", line)):
            url = match[0].rstrip(".,;:!?")
            alone = match[0] == line.strip()
            name = _NUMBER.sub("", above).strip() if alone else ""
            found.setdefault(url, name.replace("[", "(").replace("]", ")")[:_TITLE_CHARS] or url)
        above = line
    return found


def with_sources(text: str, links: dict[str, str]) -> str:
    """`text` with the links that stood in the request below it, as a report has its sources."""
    if not links:
        return text
    listed = [f"- [{name}]({url})" for url, name in list(links.items())[:_MOST_LINKS]]
    return "\n".join((text, "", "## Sources that stood in the request", "", *listed))
