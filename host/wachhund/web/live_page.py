"""What of a page goes on changing: named values ("slots") and the members of its lists. Pure.

A page is written from its LivePage and later told the difference to a newer one, so what is drawn at first and what
changes afterwards cannot disagree. Differences are values, never markup: the browser puts them in place as text.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wachhund.web.robot_text import visible
from wachhund.web.said import known, say, spoken
from wachhund.web.standing import Word

Plain = tuple[str, str | None, float | None]  # of a slot: text, tone, t


@dataclass(frozen=True)
class Shown:
    """What a browser was told of a page. Plain values: hundreds of states are kept, of 900 slots each, and whatever
    refers to something else is visited by each pass of the garbage collector."""

    slots: Mapping[str, Plain]
    rows: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Slot:
    """One changing value: its text (made visible already), its tone for shape and colour, its time if it is one.

    A sentence of ours is told in the viewer's language.
    """

    text: str
    tone: str | None = None
    t: float | None = None

    @property
    def plain(self) -> Plain:
        """The same as plain values, of which nothing knows another language."""
        return str(self.text), self.tone, self.t

    def to_json(self) -> dict[str, Any]:
        """As the browser reads it; what is absent is left out."""
        parts: dict[str, Any] = {"text": spoken(self.text)}
        if self.tone is not None:
            parts["tone"] = self.tone
        if self.t is not None:
            parts["t"] = round(self.t, 3)
        return parts


@dataclass(frozen=True)
class LivePage:
    """`address`: where the browser asks for changes (empty: this page does not change). `rows`: ids of each list."""

    address: str
    slots: Mapping[str, Slot] = field(default_factory=dict)
    rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Names this state: the same values have the same id, in this process and in the next."""
        rows = {key: list(ids) for key, ids in self.rows.items()}
        state = [self.address, {key: slot.to_json() for key, slot in self.slots.items()}, rows]
        return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:24]

    def shown(self, before: Shown | None = None) -> Shown:
        """What a browser shows that was told all of it. `before`: what it showed; what is still so is shared."""
        known = {} if before is None else before.slots
        plain = {key: slot.plain for key, slot in self.slots.items()}
        return Shown({key: old if (old := known.get(key)) == new else new for key, new in plain.items()}, self.rows)

    def changes_since(self, old: Shown | None) -> dict[str, Any]:
        """What a browser that shows `old` must be told; empty when nothing. None: it shows we know not what."""
        known = {} if old is None else old.slots
        slots = {key: slot.to_json() for key, slot in self.slots.items() if known.get(key) != slot.plain}
        rows = {key: list(ids) for key, ids in self.rows.items() if old is None or old.rows.get(key) != ids}
        return {name: part for name, part in (("slots", slots), ("rows", rows)) if part}


NOTHING_LIVE = LivePage("")
HOST_FAULTS = "host:faults"


def with_host_faults(page: LivePage, faults: Iterable[str | None]) -> LivePage:
    """The page, and what is wrong with the host itself: nothing else on it is news then."""
    if not page.address:
        return page
    text = "; ".join(visible(fault) for fault in faults if fault)
    return replace(
        page, slots={**page.slots, HOST_FAULTS: Slot(say("This host is not well: %(text)s", text=text) if text else "")}
    )


def word_slots(prefix: str, word: Word, clock_text: str) -> dict[str, Slot]:
    """The slots of one of the three words: itself, its reason, its time and what that is the time of."""
    return {
        prefix: Slot(known(word.word), tone=word.tone),
        f"{prefix}:reason": Slot(visible(word.reason)),
        f"{prefix}:about": Slot(word.about),
        f"{prefix}:since": Slot(clock_text, t=word.since_t),
    }
