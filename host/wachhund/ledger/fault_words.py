"""What was found, one sentence a kind. No text of a robot is in it; chains and keys are named by their beginning."""

from collections.abc import Mapping
from typing import Any

from wachhund.ledger.fault_kinds import (
    BROKEN_LINK,
    COPIED_CHAIN,
    DROPPED,
    FORK,
    GAP,
    JOURNAL_LOST,
    LOST_BY_HOST,
    REVOKED_KEY,
    ROLLBACK,
    SILENCED,
    TWO_SIGNERS,
)
from wachhund.ledger.witness_words import witness_detail

_SHOWN = 8  # characters of an id: enough to tell the few chains of a robot apart


def short(identity: object) -> str:
    """The beginning of a chain's or key's id."""
    return str(identity)[:_SHOWN]


def numbers(first: int | None, last: int | None) -> str:
    """ "number 5", or "numbers 5 to 9"."""
    return f"number {first}" if last is None or first == last else f"numbers {first} to {last}"


def detail(what: str, chain: str, first: int | None, last: int | None, fields: Mapping[str, Any]) -> str:
    """One sentence on a fault."""
    if what.startswith("witness-"):
        return witness_detail(what, fields)
    here, told = f"chain {short(chain)}", numbers(first, last)
    before, held, number = short(fields.get("before")), fields.get("held"), fields.get("number")
    if what == FORK:
        return f"Two different tokens, both validly signed, bear {told} of {here}."
    if what == TWO_SIGNERS:
        other_chain, other = fields["other"]
        if fields.get("denied"):
            return f"{told.capitalize()} of {here} came after number {other} had said that it was never used."
        if other_chain == chain:
            return f"The robot's key signed {told} of {here} after number {other} of it had already arrived."
        return f"The robot's key went on with {here} ({told}) after it had begun chain {short(other_chain)}."
    if what == BROKEN_LINK:
        return f"{told.capitalize()} of {here} names another token before it than the one that is here."
    if what == ROLLBACK:
        knew = f"knew chain {before} only to number {number}" if number is not None else f"knew less of chain {before}"
        return f"The robot {knew}, the ledger holds it to number {held}: so it began {here}."
    if what == COPIED_CHAIN:
        return f"The robot learned that this host holds tokens of chain {before} that it did not make: it began {here}."
    if what == JOURNAL_LOST:
        return f"The robot began {here} with an empty journal; chain {before} had reached number {held} here."
    if what == GAP:
        return f"{told.capitalize()} of {here} never came, and the robot does not say why."
    if what == DROPPED:
        return f"The robot dropped {told} of {here}, with {fields.get('lost') or 'unknown'} observations."
    if what == LOST_BY_HOST:
        return (
            f"This host had receipted {here} up to number {last}, and held it only up to number {fields.get('whole')}."
        )
    if what == SILENCED:
        quiet = fields.get("quiet_s")
        return f"Its connection was closed {quiet} s after its last evidence, and it had not said that it stops."
    if what == REVOKED_KEY:
        return f"A token came that key {short(fields.get('kid'))} signed, which had ended before."
    return (
        f"The robot began {here} and does not say why."
        if not fields.get("before")
        else (f"The robot began {here} and does not say why; chain {before} had reached number {held} here.")
    )
