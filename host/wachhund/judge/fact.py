"""A fact: one observation, whose it is, when it was by the host's clock, and where its evidence lies."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from wachhund.ledger import AuthorisationAct, BaselineAct
from wachhund_evidence import Observation


class LineRef(NamedTuple):
    """Evidence in a file or stream of observations: its line, from 1."""

    line: int


class TokenRef(NamedTuple):
    """Evidence in the ledger: chain and number of the token, and the observation's place in it, from 0."""

    chain: str
    seq: int
    item: int


class FaultRef(NamedTuple):
    """A fault of the ledger: its id, and chain and number of the tokens that show it.

    Only the host makes one: no observation of a robot can be taken for a fault.
    """

    fault: str
    places: tuple[tuple[str, int], ...]


Ref = LineRef | TokenRef | FaultRef


@dataclass(frozen=True, slots=True)
class Fact:
    """One observation as the judge takes it.

    `robot`: its id; None when nobody said (`wachhund judge`). `t`: seconds since the epoch by the ruler that people
    read (the host's clock; for `wachhund judge` the line's own `t`). `boot`: names the boot, None when not known.
    """

    robot: str | None
    t: float
    boot: str | None
    ref: Ref
    observation: Observation


# What a judge is told, in its order: facts, and what people said meanwhile.
Told = Fact | AuthorisationAct | BaselineAct


def evidence_json(refs: dict[Ref, None]) -> list[dict[str, Any]]:
    """References as an incident carries them: one entry a line, or one a token with its items (none: all of it)."""
    tokens: dict[tuple[str, int], list[int]] = {}
    made: list[dict[str, Any]] = []
    for ref in refs:
        if isinstance(ref, LineRef):
            made.append({"line": ref.line})
            continue
        places = ref.places if isinstance(ref, FaultRef) else ((ref.chain, ref.seq),)
        for place in places:
            if place not in tokens:
                tokens[place] = []
                made.append({"chain": place[0], "seq": place[1], "items": tokens[place]})
            if isinstance(ref, TokenRef):
                tokens[place].append(ref.item)
    return made
