"""Faults of a robot's evidence as its page shows them: the tokens side by side, a sentence on each question. Pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wachhund.judge.wording import moment
from wachhund.ledger.fault_kinds import FORK, REVOKED_KEY
from wachhund.ledger.fault_records import Fault, Remark, Sighting
from wachhund.web.said import say
from wachhund_evidence import ZERO_HASH, RejectedEvidence, unproven

_LEVELS = ("critical", "high", "medium")
MAX_KINDS = 6  # of observations, named in a token's column
# What is compared: name for people, and how it is read from a token's claims.
_ROWS: tuple[tuple[str, Callable[[Mapping[str, Any]], object]], ...] = (
    (say("Boot"), lambda claims: claims.get("bootseed")),
    (say("Seconds since that boot"), lambda claims: claims.get("mono")),
    (say("Robot's own clock"), lambda claims: _clock(claims.get("iat"))),
    (say("Names before it"), lambda claims: say("nothing") if claims.get("prev") == ZERO_HASH else claims.get("prev")),
    (say("Agent"), lambda claims: _first(claims.get("swversion"))),
    (say("Code, as it says"), lambda claims: _code(claims.get("hashes"))),
    (say("Observations"), lambda claims: _kinds(claims.get("obs"))),
)


@dataclass(frozen=True)
class Row:
    """One property of the tokens: a value for each, and whether they differ in it."""

    name: str
    values: tuple[object, ...]

    @property
    def differs(self) -> bool:
        return len(self.values) > 1 and any(value != self.values[0] for value in self.values)


@dataclass(frozen=True)
class FaultCard:
    """One fault. `since`: what became of it. `rows`: its tokens side by side, as `fault.tokens` names them.

    `has_page`: which of the tokens are evidence; a fork of one, and what an ended key signed, have no page.
    """

    fault: Fault
    since: str
    rows: tuple[Row, ...]
    has_page: tuple[bool, ...]


@dataclass(frozen=True)
class IntegrityView:
    """All faults that are shown: open ones first, and remarks that need no answer."""

    open: Sequence[FaultCard]
    acknowledged: Sequence[FaultCard]
    remarks: Sequence[Remark]


def fault_card(fault: Fault, since: str, texts: Sequence[str | None]) -> FaultCard:
    """`texts`: of the fault's tokens, in their order; None for one that is not kept any more."""
    claims = [_claims(text) for text in texts]
    rows = [Row(say("Hash"), tuple(seen.hash for seen in fault.tokens))]
    rows += [Row(name, tuple(read(one) for one in claims)) for name, read in _ROWS]
    told = tuple(row for row in rows if any(value is not None for value in row.values))
    return FaultCard(fault, since, told, tuple(_is_evidence(fault, seen) for seen in fault.tokens))


def integrity_view(cards: Sequence[FaultCard], remarks: Sequence[Remark]) -> IntegrityView:
    """The part of the page."""
    return IntegrityView(
        sorted((card for card in cards if card.fault.acknowledged is None), key=_gravest_first),
        [card for card in cards if card.fault.acknowledged is not None],
        remarks,
    )


def _gravest_first(card: FaultCard) -> tuple[int, int, float]:
    kind = card.fault.kind
    return _LEVELS.index(kind.level), -kind.rank, card.fault.since_t


def _is_evidence(fault: Fault, seen: Sighting) -> bool:
    return fault.what != REVOKED_KEY and not (fault.what == FORK and seen == fault.tokens[-1])


def _claims(text: str | None) -> Mapping[str, Any]:
    try:
        return {} if text is None else unproven(text)
    except RejectedEvidence:
        return {}


def _clock(iat: object) -> object:
    return moment(iat) if isinstance(iat, int) else iat


def _first(versions: object) -> object:
    return versions[0] if isinstance(versions, list) and versions else versions


def _code(hashes: object) -> object:
    return hashes.get("code") if isinstance(hashes, Mapping) else None


def _kinds(observations: object) -> object:
    if not isinstance(observations, list):
        return None
    counted = Counter(str(one.get("kind")) for one in observations if isinstance(one, Mapping))
    told = [f"{kind} ({number})" if number > 1 else kind for kind, number in counted.most_common(MAX_KINDS)]
    if len(counted) > MAX_KINDS:
        return say("%(kinds)s and %(n)s kinds more", kinds=", ".join(told), n=len(counted) - MAX_KINDS)
    return ", ".join(told) or say("none")
