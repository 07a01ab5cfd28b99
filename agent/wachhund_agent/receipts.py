"""What a receipt that the robot believes changes (protocol.md, Receipt)."""

from typing import NamedTuple, Optional, Sequence

from wachhund_agent.journal import Gap, Journal
from wachhund_evidence import COPIED, ROLLED_BACK, ReceiptClaims


class Verdict(NamedTuple):
    """`nonce`: to use from now on. `receipt`: the host's word for this journal; None where it speaks of another chain.

    `new_chain`: why one must begin. `lost`: numbers that are to be stated as a gap, lest the host waits for ever.
    `confirm`: for the witness, whole.
    """

    nonce: str
    receipt: Optional[str] = None
    new_chain: Optional[str] = None
    lost: Sequence[Gap] = ()
    confirm: Optional[str] = None


def verdict_on(claims: ReceiptClaims, text: str, journal: Journal) -> Verdict:
    """What `claims`, read from `text`, say to the owner of this journal. Raises JournalError."""
    if claims.chain != journal.chain:
        return Verdict(claims.nonce)
    reaches = max([claims.seq] + [last for _, last in claims.held])
    if reaches >= journal.next_seq:
        return Verdict(claims.nonce, text, ROLLED_BACK)
    ours = journal.hash_at(claims.seq)
    if ours != claims.head and not (ours is None and journal.had(claims.seq)):
        return Verdict(claims.nonce, text, COPIED)
    return Verdict(claims.nonce, text)


def forget_lost(claims: ReceiptClaims, journal: Journal) -> None:
    """With `claims` this journal's chain ends: what they say that the host lost of it is to be told again in the next.

    They add nothing to what it is known to hold. Of numbers of which it has another's tokens it may have none of ours.
    Raises JournalError.
    """
    if journal.at_host.lost(claims.seq, claims.held):
        ours = journal.hash_at(claims.seq)
        is_anothers = ours is not None and ours != claims.head
        journal.heard(0 if is_anothers else min(claims.seq, journal.receipted), [], forget=True)
