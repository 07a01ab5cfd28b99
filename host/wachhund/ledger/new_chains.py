"""Chains that are not a robot's first: its journal was put back, copied or lost, as the robot and the ledger tell."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, Table, select

from wachhund.ledger import erased
from wachhund.ledger.fault_kinds import COPIED_CHAIN, JOURNAL_LOST, NEW_CHAIN, ROLLBACK
from wachhund.ledger.noticing import Noticed
from wachhund.ledger.records import VerifiedToken
from wachhund.ledger.schema import chains, forks, newest, tokens
from wachhund.ledger.sightings import seen, sighting, token_upto
from wachhund_evidence import COPIED, ROLLED_BACK, ZERO_HASH, RejectedEvidence, kid_of

_LOOKED_BACK = 1000  # numbers at the end of the chain before in which the robot's last token is looked for


def new_chains(
    connection: Connection, new: Sequence[VerifiedToken], reached: Mapping[tuple[str, str], int]
) -> list[Noticed]:
    """A fault for each first token of a chain that follows another. `reached`: what was there before the commit.

    First is number 1, or what names no token before it where the ledger holds none: a robot whose power was cut before
    it kept number 1, or whose disk lost it, leaves the first ones out. If number 1 comes later, it is the same fault.
    """
    begun = _begun_here(new, reached)
    found = []
    for place, token in enumerate(new):
        if _is_first(connection, token):
            later = {chain for (robot, chain), at in begun.items() if robot == token.robot and at > place}
            one = _begun(connection, token, later)
            found += [] if one is None else [one]
    return found


def _is_first(connection: Connection, token: VerifiedToken) -> bool:
    claims = token.claims
    if claims.seq == 1 or claims.prev != ZERO_HASH:
        return claims.seq == 1
    return token_upto(connection, token.robot, claims.chain, claims.seq - 1) is None


def _begun_here(new: Sequence[VerifiedToken], reached: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """(robot, chain) that nothing was held of before this commit, with the place of its first token in it."""
    begun: dict[tuple[str, str], int] = {}
    for place, token in enumerate(new):
        if (token.robot, token.claims.chain) not in reached:
            begun.setdefault((token.robot, token.claims.chain), place)
    return begun


def _begun(connection: Connection, token: VerifiedToken, later: Collection[str]) -> Noticed | None:
    """A chain that is not the robot's first: its journal was put back, copied, lost, or nobody knows.

    `later`: chains that the same commit begins after this token.
    """
    claims, robot = token.claims, token.robot
    others = select(chains.c.chain, chains.c.last_seq).where(
        chains.c.robot == robot, chains.c.chain != claims.chain, chains.c.chain.not_in(later)
    )
    known = {row.chain: row.last_seq for row in connection.execute(others.order_by(chains.c.first_received_t))}
    if not known or _is_of_a_new_key(connection, token):
        return None
    start = next((one.fields for one in claims.obs if one.kind == "agent.start"), {})
    told, reason, said = start.get("chain_before"), start.get("reason"), start.get("seq_before")
    before = told if isinstance(told, str) and told in known else list(known)[-1]
    held = known[before]
    # The robot's last token before: a fork of what is here, or one of those that are here, or unknown.
    number = said if type(said) is int and _number(connection, forks, robot, before, claims.prev, said, said) else None
    is_fork = number is not None
    if not is_fork:
        place = robot, before, claims.prev, held - _LOOKED_BACK, held
        number = _number(connection, tokens, *place) or erased.number_of(connection, *place)
    if claims.prev == ZERO_HASH:
        what = JOURNAL_LOST
    elif reason == ROLLED_BACK or (number is not None and number < held and not is_fork):
        what = ROLLBACK
    else:
        what = COPIED_CHAIN if reason == COPIED else NEW_CHAIN
    shown = (
        *sighting("the last here of the chain before", token_upto(connection, robot, before, held)),
        seen("the first of the new chain", token),
    )
    fields = {"before": before, "number": number, "held": held}
    return Noticed(robot, what, claims.chain, token.received_t, "", claims.seq, None, shown, fields)


def _number(
    connection: Connection, table: Table, robot: str, chain: str, digest: str, first: int, last: int
) -> int | None:
    """The number between these two under which the table has a token with that hash."""
    mine = (table.c.robot == robot) & (table.c.chain == chain) & table.c.seq.between(first, last)
    return connection.execute(select(table.c.seq).where(mine, table.c.hash == digest)).scalar()


def _is_of_a_new_key(connection: Connection, token: VerifiedToken) -> bool:
    """The first word under a key that an operator let in: an agent that was installed anew, or another board.

    Whether it is the first is told by the robot's newest token before this commit, and by no clock.
    """
    if token.claims.prev != ZERO_HASH:
        return False
    before = connection.execute(
        select(tokens.c.text)
        .join(newest, (newest.c.robot == tokens.c.robot) & (newest.c.chain == tokens.c.chain))
        .where(tokens.c.robot == token.robot, tokens.c.seq == newest.c.seq)
    ).scalar()
    try:
        return before is not None and kid_of(before) != kid_of(token.text)
    except RejectedEvidence:
        return False  # its text is not kept any more
