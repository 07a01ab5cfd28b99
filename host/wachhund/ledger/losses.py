"""What this host lost itself: robots show it its own receipts, and the ledger holds less than those say.

A ledger that was put back from a backup, or whose disk lost data, cannot know it by itself (protocol-attacks.md, C4).
That is kept for good, also when the robots still hold it and send it again: a host does not forget that it forgot.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from wachhund.ledger import runs
from wachhund.ledger.places import hash_at
from wachhund.ledger.records import Fault, VerifiedToken
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


def note(connection: Connection, new: Sequence[VerifiedToken]) -> None:
    """Keep what the receipts that these tokens show say of us. To be called before anything of them is stored.

    Once it heard how little we hold, a robot sends the rest again: what comes with the token must not hide the loss.
    """
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
        connection.execute(insert(lost_by_host).values(**row).on_conflict_do_nothing())


def faults(connection: Connection, robot: str) -> list[Fault]:
    """What this host lost of the robot's evidence."""
    query = select(lost_by_host).where(lost_by_host.c.robot == robot).order_by(lost_by_host.c.since_t)
    return [
        Fault(
            "lost-by-host",
            f"this host had receipted chain {row.chain} up to {row.seq}, and held it only up to {row.whole}: "
            "its ledger was put back or damaged; what the robot still held was sent again",
            row.since_t,
        )
        for row in connection.execute(query)
    ]
