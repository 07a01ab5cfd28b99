"""What a commit shows of faults: each becomes a row in the same transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from wachhund.ledger.fault_kinds import DROPPED, FORK, LOST_BY_HOST, REVOKED_KEY
from wachhund.ledger.new_chains import new_chains
from wachhund.ledger.noticing import Noticed, keep
from wachhund.ledger.records import VerifiedToken
from wachhund.ledger.schema import chains, tokens
from wachhund.ledger.sightings import around, seen, sighting, token_from
from wachhund.ledger.two_signers import two_signers


def in_commit(
    connection: Connection,
    new: Sequence[VerifiedToken],
    forked: Sequence[VerifiedToken],
    stated: Sequence[Mapping[str, Any]],
    reached: Mapping[tuple[str, str], int],
) -> None:
    """Keep what a commit shows. `new`: tokens that were stored, `forked`: stored beside another of their number,
    `stated`: rows of what robots stated as lost, `reached`: the highest number of each (robot, chain) before it."""
    _note_receipts(connection, new)
    found = [_fork(connection, token) for token in forked]
    found += _stated_losses(connection, stated)
    found += new_chains(connection, new, reached)
    found += two_signers(connection, new, reached)
    keep(connection, found)


def _note_receipts(connection: Connection, new: Sequence[VerifiedToken]) -> None:
    """How far this host once receipted a chain, by its own signature: what it lacks of that, it lost itself."""
    for token in new:
        shown = token.receipt
        if shown is not None:
            mine = (chains.c.robot == token.robot) & (chains.c.chain == shown.chain)
            further = mine & (chains.c.receipted_seq < shown.seq)
            connection.execute(chains.update().where(further).values(receipted_seq=shown.seq))


def _fork(connection: Connection, token: VerifiedToken) -> Noticed:
    claims = token.claims
    first = token_from(connection, token.robot, claims.chain, claims.seq)
    return Noticed(
        token.robot, FORK, claims.chain, token.received_t, f"{claims.seq} {token.hash}", claims.seq, claims.seq,
        (*sighting("the one that came first", first), seen("the other", token)),
    )  # fmt: skip


def _stated_losses(connection: Connection, stated: Sequence[Mapping[str, Any]]) -> list[Noticed]:
    """What robots say is gone, and is not here: one fault a chain and commit, for a full journal says it by number.

    Numbers that this host had once receipted, it lost itself. Those that were never used are nobody's loss: people pull
    the battery. Neither are those that are here all the same.
    """
    found: dict[tuple[str, str, str], Noticed] = {}
    receipted: dict[tuple[str, str], int] = {}
    for row in stated:
        robot, chain, first, last = row["robot"], row["chain"], row["from_seq"], row["to_seq"]
        if (robot, chain) not in receipted:
            mine = (chains.c.robot == robot) & (chains.c.chain == chain)
            receipted[(robot, chain)] = connection.execute(select(chains.c.receipted_seq).where(mine)).scalar() or 0
        own = last <= receipted[(robot, chain)]
        what = LOST_BY_HOST if own else DROPPED
        if (robot, chain, what) in found or not (own or row["lost"]):
            continue
        if _held(connection, robot, chain, first, last) <= last - first:
            shown = around(connection, robot, chain, first, last)
            found[(robot, chain, what)] = Noticed(
                robot, what, chain, row["received_t"], f"{first} {last}", first, last, shown, {"lost": row["lost"]}
            )
    return list(found.values())


def _held(connection: Connection, robot: str, chain: str, first: int, last: int) -> int:
    """How many of these numbers are here."""
    mine = (tokens.c.robot == robot) & (tokens.c.chain == chain) & tokens.c.seq.between(first, last)
    return connection.execute(select(func.count()).select_from(tokens).where(mine)).scalar() or 0


def of_an_ended_key(token: VerifiedToken, kid: str, until_t: float) -> Noticed:
    """A token of a key that had ended before it came."""
    claims = token.claims
    return Noticed(
        token.robot, REVOKED_KEY, claims.chain, token.received_t, token.hash, claims.seq, claims.seq,
        (seen("what the ended key signed", token),), {"kid": kid, "until_t": until_t},
    )  # fmt: skip
