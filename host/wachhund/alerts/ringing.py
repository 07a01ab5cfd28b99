"""Whether an incident rings at a time, and if not, what holds it back. Pure: this is what notifications ask.

It is computed from what the judge found, what people did and the time; nobody has to have been alive for it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wachhund.alerts.covering import covering
from wachhund.alerts.life import Standing, ends_of, standing
from wachhund.ledger.handling_records import ACKNOWLEDGED, Life
from wachhund.ledger.silence_records import VALID, Silence

# What may hold it back.
BY_CLOSE, BY_ACKNOWLEDGEMENT, BY_SILENCE, BY_MAINTENANCE = "close", "acknowledgement", "silence", "maintenance"


@dataclass(frozen=True)
class Held:
    """It is held back, for everybody. `by`: one of the four words above; `id`: of the silence or maintenance; `who`
    said so, `why`, and until when (host time; None: until something new happens)."""

    by: str
    id: str | None
    who: str | None
    why: str
    until_t: float | None


@dataclass(frozen=True)
class Ringing:
    """`rings`: somebody is to be told, now. `standing`: where the incident stands and why, in words. `held`: what holds
    it back; None when it rings. `owner`: whose it is: the assignee, else who acknowledged it last; None for nobody.

    `episode`: names what there is to be told; it stays the same while nothing is new, so who was told of an episode
    need not be told again, and must be told of the next one.
    """

    rings: bool
    standing: Standing
    held: Held | None
    owner: str | None
    episode: str


def ringing(incident: Mapping[str, Any], life: Life, silences: Sequence[Silence], t: float) -> Ringing:
    """Whether it rings at `t` (host time). `incident`: as the judge told it last; `life`: what people left it at
    (`ledger.handling.life`); `silences`: at least those that are valid then (`ledger.silencing.valid`)."""
    now = standing(incident, life, t)
    held = _held(incident, life, now, silences, t)
    owner = life.assignee or (life.by if life.state == ACKNOWLEDGED else None)
    told = (str(incident.get("id")), now.state, str(life.version), *now.news, str(incident.get("level")))
    return Ringing(held is None, now, held, owner, hashlib.sha256("\x1f".join(told).encode()).hexdigest()[:16])


def _held(incident: Mapping[str, Any], life: Life, now: Standing, silences: Sequence[Silence], t: float) -> Held | None:
    if now.state == ACKNOWLEDGED:
        return Held(BY_ACKNOWLEDGEMENT, None, life.by, life.why, ends_of(life, t))
    if not now.needs_somebody:
        return Held(BY_CLOSE, None, life.by, now.because, None)
    return silenced(incident, silences, t)


def silenced(incident: Mapping[str, Any], silences: Sequence[Silence], t: float) -> Held | None:
    """The silence or maintenance that covers an incident, whatever else holds it back."""
    one = covering([one for one in silences if one.state(t) == VALID], incident)
    if one is None:
        return None
    return Held(BY_MAINTENANCE if one.maintenance else BY_SILENCE, one.id, one.author, one.why, one.ends_t(t))
