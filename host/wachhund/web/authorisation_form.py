"""The form of an authorisation: its texts as they were typed, what is wrong at which field, and the seal of a preview.

Nothing is kept that was not previewed: the preview carries a seal over exactly these texts and how many sessions it
showed, and only that seal saves them. The reason is none of them: it covers nothing. All processes of the pages seal
with the same key (app.state.seal_key).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import FormData

from wachhund.authorise.drawing_up import Typed
from wachhund.web.said import say

_MAX_CHARACTERS = 4_000
LENGTHS = (
    ("30m", say("30 minutes")),
    ("2h", say("2 hours")),
    ("8h", say("8 hours")),
    ("1d", say("1 day")),
    ("7d", say("7 days")),
    ("30d", say("30 days, the longest")),
)


@dataclass(frozen=True)
class Filled:
    """What stands in the form. `incident`: what it was begun from, for the way back. `problems`: by field."""

    robots: str = ""
    surfaces: tuple[str, ...] = ()
    sources: str = ""
    carrier: str = ""
    until: str = "2h"
    who: str = ""
    why: str = ""
    since: str = ""
    incident: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    def typed(self) -> Typed:
        """As the service takes it."""
        return Typed(
            _several(self.robots), self.surfaces, _several(self.sources), self.carrier.strip(), self.until.strip(),
            self.who, self.why, since_t=_number(self.since),
        )  # fmt: skip

    def problem(self, name: str) -> str:
        """What is wrong there; empty when nothing is."""
        return self.problems.get(name, "")


def read(form: FormData) -> Filled:
    """A form that was sent."""

    def text(name: str) -> str:
        value = form.get(name)
        return value[:_MAX_CHARACTERS] if isinstance(value, str) else ""

    chosen = tuple(value for value in form.getlist("surface") if isinstance(value, str))[:20]
    return Filled(
        text("robots"), chosen, text("sources"), text("carrier"), text("until"), text("who"), text("why"),
        text("since"), text("incident")[:100],
    )  # fmt: skip


def filled_with(typed: Typed, who: str, incident: str, problems: Mapping[str, str]) -> Filled:
    """The form of what is known already."""
    since = "" if typed.since_t is None else repr(typed.since_t)
    return Filled(
        ", ".join(typed.robots), typed.surfaces, ", ".join(typed.sources), typed.carrier, typed.until or "2h", who,
        typed.why, since, incident, problems,
    )  # fmt: skip


def seal(key: bytes, filled: Filled, who: str, covers: int) -> str:
    """That this person saw the preview of these texts, with so many sessions in it."""
    said = json.dumps([who, covers, filled.robots, filled.surfaces, filled.sources, filled.carrier, filled.until,
                       filled.who, filled.since])  # fmt: skip
    return f"{covers}.{hmac.new(key, said.encode(), hashlib.sha256).hexdigest()}"


def seen(key: bytes, sealed: str, filled: Filled, who: str) -> int | None:
    """How many sessions the preview showed; None when these texts were not previewed by this person."""
    number = sealed.partition(".")[0]
    if not number.isascii() or not number.isdecimal() or len(number) > 9:
        return None
    covers = int(number)
    return covers if hmac.compare_digest(seal(key, filled, who, covers), sealed) else None


def _several(text: str) -> tuple[str, ...]:
    """Names or networks between commas, or on lines of their own."""
    return tuple(part.strip() for part in text.replace("\n", ",").split(",") if part.strip())


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < 1e11 else None
