"""Two who sign with one key, told by time: what one who signs alone can't have made after what is here already."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select

from wachhund.ledger.fault_kinds import TWO_SIGNERS
from wachhund.ledger.noticing import Noticed
from wachhund.ledger.records import VerifiedToken
from wachhund.ledger.schema import chains
from wachhund.ledger.sightings import seen, sighting, token_from

CLOCK_SLACK_S = 2.0  # by which the host's own clock may be set back between a nonce and an arrival


def two_signers(
    connection: Connection, new: Sequence[VerifiedToken], reached: Mapping[tuple[str, str], int]
) -> list[Noticed]:
    """Tokens made after something that only a later self of the robot could have said.

    A nonce says after when a token was made, its arrival before when. Who signs alone makes no token for a number after
    a higher one has arrived, and does not go back to a chain after he has begun another.
    """
    begun = _chains_of(connection, {token.robot for token in new})
    found: dict[str, Noticed] = {}
    for token in new:
        claims, robot = token.claims, token.robot
        # A nonce from after its own arrival: the host's clock was set back, and nothing can be said.
        if robot in found or token.nonce_t is None or token.nonce_t > token.received_t:
            continue
        made_t = token.nonce_t - CLOCK_SLACK_S
        since_t = begun[robot][claims.chain]
        later = [chain for chain, begun_t in begun[robot].items() if since_t < begun_t < made_t]
        if later:
            other = token_from(connection, robot, later[0], 1)
        elif claims.seq < reached.get((robot, claims.chain), 0):
            other = token_from(connection, robot, claims.chain, claims.seq + 1)
        else:
            continue
        if other is None or other.received_t >= made_t:
            continue
        found[robot] = Noticed(
            robot, TWO_SIGNERS, claims.chain, token.received_t, token.hash, claims.seq, claims.seq,
            (*sighting("what had arrived before", other), seen("what was made after that", token)),
            {"other": [other.chain, other.seq]},
        )  # fmt: skip
    return list(found.values())


def _chains_of(connection: Connection, robots: Iterable[str]) -> dict[str, dict[str, float]]:
    """When each chain of these robots began, the oldest first."""
    query = select(chains.c.robot, chains.c.chain, chains.c.first_received_t).where(chains.c.robot.in_(robots))
    begun: dict[str, dict[str, float]] = defaultdict(dict)
    for row in connection.execute(query.order_by(chains.c.first_received_t)):
        begun[row.robot][row.chain] = row.first_received_t
    return begun
