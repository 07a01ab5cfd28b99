"""Two who sign with one key, told by time: what one who signs alone can't have made after what is here already."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from wachhund.ledger.fault_kinds import TWO_SIGNERS
from wachhund.ledger.noticing import Noticed
from wachhund.ledger.records import VerifiedToken
from wachhund.ledger.schema import chains, stated_gaps, tokens
from wachhund.ledger.sightings import seen, sighting, token_from

CLOCK_SLACK_S = 2.0  # by which the host's own clock may be set back between a nonce and an arrival


def two_signers(
    connection: Connection, new: Sequence[VerifiedToken], reached: Mapping[tuple[str, str], int]
) -> list[Noticed]:
    """Tokens that can't be of the one who made what is here already; of each robot the first of them.

    A nonce says after when a token was made, its arrival before when. Who signs alone makes no token for a number after
    a higher one has arrived, does not go back to a chain after he has begun another, and has not sent what he says that
    he never used.
    """
    begun = _chains_of(connection, {token.robot for token in new})
    found: dict[str, Noticed] = {}
    for token in new:
        claims, robot = token.claims, token.robot
        if robot in found:
            continue
        is_below = claims.seq < reached.get((robot, claims.chain), 0)
        denied = _denied(connection, token) if is_below else None
        other = denied or _made_before(connection, token, begun[robot], is_below)
        if other is None:
            continue
        found[robot] = Noticed(
            robot, TWO_SIGNERS, claims.chain, token.received_t, token.hash, claims.seq, claims.seq,
            (*sighting("what had come before", other), seen("what can't have come after it", token)),
            {"other": [other.chain, other.seq], "denied": denied is not None},
        )  # fmt: skip
    return list(found.values())


def _denied(connection: Connection, token: VerifiedToken) -> Any:
    """The token that had said, before this one came, that this number was left out."""
    claims = token.claims
    gap = connection.execute(
        select(stated_gaps)
        .where(
            stated_gaps.c.robot == token.robot,
            stated_gaps.c.chain == claims.chain,
            stated_gaps.c.from_seq <= claims.seq,
        )
        .order_by(stated_gaps.c.from_seq.desc())
        .limit(1)
    ).first()
    if gap is None or gap.to_seq < claims.seq or gap.lost != 0 or gap.received_t >= token.received_t:
        return None  # what was dropped from a full journal, damaged or deleted may have left before
    return token_from(connection, token.robot, claims.chain, gap.stated_in)


def _made_before(connection: Connection, token: VerifiedToken, begun: Mapping[str, float], is_below: bool) -> Any:
    """A later self of the robot that had spoken before this token was made."""
    claims, robot = token.claims, token.robot
    # A nonce from after its own arrival: the host's clock was set back, and nothing can be said.
    if token.nonce_t is None or token.nonce_t > token.received_t:
        return None
    made_t = token.nonce_t - CLOCK_SLACK_S
    since_t = begun[claims.chain]
    later = next((chain for chain, begun_t in begun.items() if since_t < begun_t < made_t), None)
    if later is not None:
        other = token_from(connection, robot, later, 1)
    elif is_below:
        other = token_from(connection, robot, claims.chain, claims.seq + 1)
    else:
        return None
    if other is None or other.received_t >= made_t or _was_set_back(connection, robot, other, made_t):
        return None
    return other


def _was_set_back(connection: Connection, robot: str, other: Any, made_t: float) -> bool:
    """Whether this host's clock had shown that time before the other token came: then it says nothing of the order."""
    mine = tokens.c.robot == robot
    number = select(tokens.c.id).where(mine, tokens.c.chain == other.chain, tokens.c.seq == other.seq).scalar_subquery()
    earlier = select(tokens.c.id).where(mine, tokens.c.received_t >= made_t, tokens.c.id <= number)
    return connection.execute(earlier.limit(1)).first() is not None


def _chains_of(connection: Connection, robots: Iterable[str]) -> dict[str, dict[str, float]]:
    """When each chain of these robots began, the oldest first."""
    query = select(chains.c.robot, chains.c.chain, chains.c.first_received_t).where(chains.c.robot.in_(robots))
    begun: dict[str, dict[str, float]] = defaultdict(dict)
    for row in connection.execute(query.order_by(chains.c.first_received_t)):
        begun[row.robot][row.chain] = row.first_received_t
    return begun
