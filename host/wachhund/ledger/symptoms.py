"""What a commit shows of faults: each becomes a row in the same transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from wachhund.ledger import erased, losses
from wachhund.ledger.broken_links import broken_links
from wachhund.ledger.fault_kinds import DROPPED, FORK, LOST_BY_HOST, REVOKED_KEY
from wachhund.ledger.losses import Loss
from wachhund.ledger.new_chains import new_chains
from wachhund.ledger.noticing import Noticed, keep
from wachhund.ledger.records import VerifiedToken
from wachhund.ledger.schema import tokens
from wachhund.ledger.sightings import around, seen, sighting, token_from, token_upto
from wachhund.ledger.two_signers import two_signers

MAX_LOOKED = 100  # losses that one robot states, looked at in one commit: it may state thousands that are none


def in_commit(
    connection: Connection,
    new: Sequence[VerifiedToken],
    forked: Sequence[VerifiedToken],
    stated: Sequence[Mapping[str, Any]],
    lost: Sequence[Loss],
    reached: Mapping[tuple[str, str], int],
) -> None:
    """Keep what a commit shows. `new`: tokens that were stored, `forked`: stored beside another of their number,
    `stated`: rows of what robots stated as lost, `lost`: what robots showed that this host lost, `reached`: the highest
    number of each (robot, chain) before it."""
    found = [_fork(connection, token) for token in forked]
    found += [_lost_by_host(connection, loss) for loss in lost]
    found += _stated_losses(connection, stated)
    found += new_chains(connection, new, reached)
    found += two_signers(connection, new, reached)
    found += broken_links(connection, new, reached)
    keep(connection, found)


def _fork(connection: Connection, token: VerifiedToken) -> Noticed:
    claims = token.claims
    first = token_from(connection, token.robot, claims.chain, claims.seq)
    return Noticed(
        token.robot, FORK, claims.chain, token.received_t, f"{claims.seq} {token.hash}", claims.seq, claims.seq,
        (*sighting("the one that came first", first), seen("the other", token)),
    )  # fmt: skip


def _lost_by_host(connection: Connection, loss: Loss) -> Noticed:
    token, first = loss.token, min(loss.whole + 1, loss.seq)
    shown = (
        *sighting("the last that was here", token_upto(connection, token.robot, loss.chain, loss.whole)),
        seen("the one that shows the receipt", token),
    )
    mark = f"{loss.whole} {loss.seq}"
    fields = {"whole": loss.whole}
    return Noticed(token.robot, LOST_BY_HOST, loss.chain, token.received_t, mark, first, loss.seq, shown, fields)


def _stated_losses(connection: Connection, stated: Sequence[Mapping[str, Any]]) -> list[Noticed]:
    """What robots say is gone, and is not here: one fault a chain and commit, for a full journal says it by number.

    Numbers that were never used are nobody's loss: people pull the battery. Neither are those that are here all the
    same, and those that this host lost itself are told as that.
    """
    found: dict[tuple[str, str], Noticed] = {}
    looked: Counter[str] = Counter()
    for row in stated:
        robot, chain, first, last = row["robot"], row["chain"], row["from_seq"], row["to_seq"]
        if (robot, chain) in found or row["lost"] == 0 or looked[robot] >= MAX_LOOKED:
            continue
        looked[robot] += 1
        if _held(connection, robot, chain, first, last) > last - first:
            continue
        if not any(begin <= first and last <= end for begin, end in losses.spans(connection, robot, chain)):
            shown = around(connection, robot, chain, first, last)
            found[(robot, chain)] = Noticed(
                robot, DROPPED, chain, row["received_t"], f"{first} {last}", first, last, shown, {"lost": row["lost"]}
            )
    return list(found.values())


def _held(connection: Connection, robot: str, chain: str, first: int, last: int) -> int:
    """How many of these numbers are here, or were until they were erased."""
    mine = (tokens.c.robot == robot) & (tokens.c.chain == chain) & tokens.c.seq.between(first, last)
    held = connection.execute(select(func.count()).select_from(tokens).where(mine)).scalar() or 0
    return held + erased.count_between(connection, robot, chain, first, last)


def of_an_ended_key(token: VerifiedToken, kid: str, until_t: float) -> Noticed:
    """A token of a key that had ended before it came."""
    claims = token.claims
    return Noticed(
        token.robot, REVOKED_KEY, claims.chain, token.received_t, token.hash, claims.seq, claims.seq,
        (seen("what the ended key signed", token),), {"kid": kid, "until_t": until_t},
    )  # fmt: skip
