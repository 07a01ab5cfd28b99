"""Places in a list, opaque to whoever is handed one: where the last row stood, not how many came before it.

Rows that come or go between two pages neither repeat nor hide another (keyset paging). A cursor belongs to the filters
it was made under: under others it would skip rows silently, so it is refused.
"""

import binascii
import hashlib
import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel

from wachhund_evidence import MisuseError

MAX_CHARACTERS = 512
_REFUSED = "cursor: it is none of this list under these filters: begin again without one"


class Place(NamedTuple):
    """The last row that was handed out: its time (or 0.0 in a list by name) and its id or name."""

    t: float
    name: str


def _of(asked: BaseModel) -> str:
    """What the list was filtered by; how much of it was wanted at once does not matter."""
    filters = asked.model_dump(mode="json", exclude={"cursor", "limit"})
    return hashlib.sha256(json.dumps([type(asked).__name__, filters], sort_keys=True).encode()).hexdigest()[:12]


def cursor(asked: BaseModel, place: Place) -> str:
    """The text for that place in the list that was asked for."""
    plain = json.dumps([_of(asked), place.t, place.name], separators=(",", ":"))
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def place(asked: BaseModel, text: str | None) -> Place | None:
    """The inverse of `cursor`; None for the list's beginning. Raises MisuseError for any other text."""
    if text is None:
        return None
    read = _read(text)
    if not isinstance(read, list) or len(read) != 3 or read[0] != _of(asked):
        raise MisuseError(_REFUSED)
    _, t, name = read
    if type(t) not in (int, float) or not math.isfinite(t) or not isinstance(name, str):
        raise MisuseError(_REFUSED)
    return Place(float(t), name)


class Made(Protocol):
    """A row of a list that shows the newest first."""

    @property
    def id(self) -> str: ...
    @property
    def made_t(self) -> float: ...


_Row = TypeVar("_Row", bound=Made)


def newest_first(asked: BaseModel, text: str | None, limit: int, rows: Sequence[_Row]) -> tuple[list[_Row], str | None]:
    """A part of all `rows`, sorted by time, the newest first, and then by id; and the cursor of the next part.

    Raises MisuseError, as `place` does.
    """
    begin = place(asked, text)
    behind = [row for row in rows if begin is None or (-row.made_t, row.id) > (-begin.t, begin.name)]
    shown = behind[:limit]
    more = len(behind) > limit
    return shown, cursor(asked, Place(shown[-1].made_t, shown[-1].id)) if more else None


def _read(text: str) -> Any:
    try:
        return json.loads(urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        raise MisuseError(_REFUSED) from None
