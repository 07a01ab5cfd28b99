"""An incident's record as Markdown (CommonMark 0.31): whoever pastes it into a ticket pastes text, not markup.

Whatever may hold a robot's or a person's text stands in a code span: nothing in it is a link, an image, HTML, a mention
or a reference to somebody's ticket (CommonMark 6.1; GitHub leaves code alone too). All else are words of ours.
"""

import re
from collections.abc import Iterator

from wachhund.exports.record import Part, PathHop, Record


def markdown(record: Record) -> str:
    """The document, ending with a line break."""
    return "\n".join(_document(record)) + "\n"


def code(text: str) -> str:
    """A code span that holds exactly that line: its fence is longer than any run of backticks in it."""
    if not text.strip():
        return "–"
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    # One space on both sides is taken away by the reader, so a text that has its own, or begins as the fence, gets it.
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _document(record: Record) -> Iterator[str]:
    yield f"# Incident: {code(record.title)}"
    yield ""
    for name, value in record.facts:
        yield f"- **{name}:** {code(value)}"
    for part in record.parts:
        yield ""
        yield f"## {part.heading}"
        yield ""
        yield from _part(part)
    yield ""
    yield "---"
    yield ""
    yield code(record.foot)


def _part(part: Part) -> Iterator[str]:
    if part.intro:
        yield code(part.intro) if part.kind == "commands" else part.intro
        yield ""
    for number, hop in enumerate(part.path, start=1):
        yield f"{number}. {_hop(hop)}"
    for number, line in enumerate(part.lines, start=1):
        yield f"{number}. {code(line)}" if part.kind == "steps" else f"- {code(line)}"
    if not part.lines and not part.path:
        yield "Nothing."


def _hop(hop: PathHop) -> str:
    mark = "**NOT ALLOWED** " if hop.forbidden else ""
    detail = f" ({code(hop.detail)})" if hop.detail else ""
    return f"{mark}{code(hop.word)}, {hop.sure}: {code(hop.label)}{detail}"
