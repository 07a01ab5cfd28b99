"""What the ledger holds as the judge takes it: observations, faults and what people said, as they came."""

from dataclasses import replace

from wachhund.judge.fact import Fact, FaultRef, TokenRef, Told
from wachhund.judge.faults import observation
from wachhund.ledger import AuthorisationAct, BaselineAct, Fault, Ledger, Place, StoredObservation, Unread


def after(ledger: Ledger, at: Place, most: int, robot: str | None = None, forgotten: int | None = None) -> Unread:
    """What comes behind a place, `most` of each at most, as Ledger.unread has it.

    A fault, or an act, belongs right behind what was there when it was noticed, or done: where there is more of one
    than `most`, the others reach no further.
    """
    unread = ledger.unread(at, most, robot, forgotten)
    end = min(
        (_place(some[-1]) for some in (unread.observations, unread.faults, unread.acts) if len(some) == most),
        default=None,
    )
    if end is None:
        return unread
    return replace(
        unread,
        observations=[one for one in unread.observations if _place(one) <= end],
        faults=[one for one in unread.faults if _place(one) <= end],
        acts=[one for one in unread.acts if _place(one) <= end],
    )


def behind(at: Place, read: Unread) -> Place:
    """The place behind what was judged."""
    return (
        read.observations[-1].id if read.observations else at[0],
        read.faults[-1].number if read.faults else at[1],
        read.acts[-1].number if read.acts else at[2],
    )


def in_order(read: Unread) -> list[Told]:
    """Observations, faults and what people said as the judge takes them, in the order in which the ledger got them."""
    placed: list[tuple[Place, Told]] = [(_place(one), fact_of(one)) for one in read.observations]
    placed += [(_place(fault), fault_fact(fault)) for fault in read.faults]
    placed += [(_place(act), act) for act in read.acts]
    return [fact for _, fact in sorted(placed, key=lambda one: one[0])]


def _place(one: StoredObservation | Fault | AuthorisationAct | BaselineAct) -> Place:
    """Where it stands among the others."""
    if isinstance(one, StoredObservation):
        return one.id, 0, 0
    if isinstance(one, Fault):
        return one.after, one.number, 0
    return one.after, one.after_fault, one.number


def fault_fact(fault: Fault) -> Fact:
    """A fault as the judge takes it."""
    ref = FaultRef(fault.id, tuple((seen.chain, seen.seq) for seen in fault.tokens))
    return Fact(fault.robot, fault.since_t, None, ref, observation(fault.what, fault.detail, fault.since_t))


def fact_of(stored: StoredObservation) -> Fact:
    """A stored observation as the judge takes it."""
    ref = TokenRef(stored.chain, stored.seq, stored.item)
    return Fact(stored.robot, stored.host_t, stored.bootseed, ref, stored.observation)
