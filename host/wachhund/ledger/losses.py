"""What this host lost itself: robots show it its own receipts, and the ledger holds less than those say.

A ledger that was put back from a backup, or whose disk lost data, cannot know it by itself (protocol-attacks.md, C4).
That is kept for good, also when the robots still hold it and send it again: a host does not forget that it forgot.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from wachhund.ledger import runs
from wachhund.ledger.dialects import upsert
from wachhund.ledger.places import hash_at
from wachhund.ledger.records import VerifiedToken
from wachhund.ledger.schema import chains, lost_by_host
from wachhund_evidence import ReceiptClaims

MAX_LOSSES = 100  # kept for a robot: it may show us each receipt of the time that we lost


def lacks(connection: Connection, robot: str, receipt: ReceiptClaims) -> int | None:
    """Up to which number the chain is whole here, if the ledger holds less than this receipt of ours says."""
    row = connection.execute(
        select(chains.c.seq).where(chains.c.robot == robot, chains.c.chain == receipt.chain)
    ).one_or_none()
    whole = 0 if row is None else row.seq
    if receipt.seq > whole:
        return whole
    if receipt.seq > 0 and hash_at(connection, robot, receipt.chain, receipt.seq) != receipt.head:
        return whole
    for first, last in receipt.held:
        run = runs.at(connection, robot, receipt.chain, max(first, whole + 1))
        if last > whole and (run is None or run[1] < last):
            return whole
    return None


@dataclass(frozen=True)
class Loss:
    """This host had receipted `chain` up to `seq`, and held it only up to `whole` when `token` showed that."""

    token: VerifiedToken
    chain: str
    seq: int
    whole: int


def note(connection: Connection, new: Sequence[VerifiedToken]) -> list[Loss]:
    """Keep what the receipts that these tokens show say of us. To be called before anything of them is stored.
    Returns what was not known.

    Once it heard how little we hold, a robot sends the rest again: what comes with the token must not hide the loss.
    """
    made = []
    for token in new:
        if token.receipt is None:
            continue
        whole = lacks(connection, token.robot, token.receipt)
        mine = select(func.count()).select_from(lost_by_host).where(lost_by_host.c.robot == token.robot)
        if whole is None or (connection.execute(mine).scalar() or 0) >= MAX_LOSSES:
            continue
        row = {
            "robot": token.robot,
            "chain": token.receipt.chain,
            "seq": max([token.receipt.seq, *(last for _, last in token.receipt.held)]),
            "whole": whole,
            "receipt_t": token.receipt.iat,
            "since_t": token.received_t,
            "receipt": token.claims.receipt,
        }
        if connection.execute(upsert(lost_by_host).values(**row).on_conflict_do_nothing()).rowcount:
            made.append(Loss(token, token.receipt.chain, int(str(row["seq"])), whole))
    return made


def spans(connection: Connection, robot: str, chain: str) -> list[tuple[int, int]]:
    """The numbers of a chain that this host lost: first and last of each loss."""
    mine = (lost_by_host.c.robot == robot) & (lost_by_host.c.chain == chain)
    query = select(lost_by_host.c.whole, lost_by_host.c.seq).where(mine)
    return [(row.whole + 1, row.seq) for row in connection.execute(query) if row.whole < row.seq]
