"""What was found with a hardware witness, one sentence a finding. No text of a robot or a witness is in it but names of
lines, which are of a small alphabet."""

from collections.abc import Mapping
from typing import Any

from wachhund.ledger.fault_kinds import (
    WITNESS_BACK,
    WITNESS_CONTRADICTS,
    WITNESS_CUT,
    WITNESS_MISSING,
    WITNESS_RESTARTS,
    WITNESS_STALE,
    WITNESS_TAMPER,
)

_BACK = {
    "fork": "Two different statements, both made with the witness's key, bear number {n} of one start.",
    "older": "A statement with number {n} came in newer evidence after number {held} had come.",
    "chip": "Another chip than before speaks with the witness's key.",
    "count": "The count of edges of its line {line} went back.",
}
_AGAINST = {
    "silent": "The witness did not hear the agent for {seconds} s; the agent's evidence says that it was well then.",
    "modem": "The witness sees the modem at work, and the agent reports no link by a modem.",
    "power": "The witness sees the robot's board without power, and fresh evidence still comes.",
    "head": "The agent's beats to the witness name a token that never arrived here.",
}


def witness_detail(what: str, fields: Mapping[str, Any]) -> str:
    """One sentence on such a finding."""
    if what == WITNESS_MISSING:
        return f"Evidence comes, and for {fields.get('seconds')} s no statement of the robot's witness with it."
    if what == WITNESS_STALE:
        age = fields.get("age_s")
        told = "knows none of this host's challenges" if age is None else f"answers a challenge of {age} s ago"
        return f"Evidence is fresh, and the witness's statement in it {told}."
    if what == WITNESS_BACK:
        return _BACK[str(fields["why"])].format(**fields)
    if what == WITNESS_CONTRADICTS:
        return _AGAINST[str(fields["why"])].format(**fields)
    if what == WITNESS_TAMPER:
        return (
            "The witness's switch at the case opened."
            if fields.get("opened")
            else "The witness's switch at the case moved."
        )
    if what == WITNESS_CUT:
        return "The witness's output, which a person had armed, cut its line."
    if what == WITNESS_RESTARTS:
        return f"The witness started {fields.get('number')} times within ten minutes."
    raise ValueError(what)
