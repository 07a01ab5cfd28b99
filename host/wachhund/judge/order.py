"""What the ledger holds as the judge takes it: observations, faults and what people said, as they came."""

from collections.abc import Sequence

from wachhund.judge.fact import Fact, FaultRef, TokenRef, Told
from wachhund.judge.faults import observation
from wachhund.ledger import AuthorisationAct, BaselineAct, Fault, Ledger, StoredObservation

Act = AuthorisationAct | BaselineAct
Place = tuple[int, int, int]  # the last observation, fault and act that were judged


def after(
    ledger: Ledger, at: Place, most: int, robot: str | None = None
) -> tuple[list[StoredObservation], list[Fault], list[Act]]:
    """What comes behind a place, `most` of each; observations of one robot only, if one is named.

    A fault, or an act, belongs right behind what was there when it was noticed, or done.
    """
    acts = ledger.acts(at[2], most)  # first: what they follow is there then
    faults = ledger.integrity.after(at[1], most)
    batch = ledger.observations_after(at[0], most, robot)
    end = min((_place(some[-1]) for some in (batch, faults, acts) if len(some) == most), default=None)
    if end is not None:
        batch = [one for one in batch if _place(one) <= end]
        faults = [one for one in faults if _place(one) <= end]
        acts = [one for one in acts if _place(one) <= end]
    return batch, faults, acts


def behind(at: Place, batch: Sequence[StoredObservation], faults: Sequence[Fault], acts: Sequence[Act]) -> Place:
    """The place behind what was judged."""
    return (
        batch[-1].id if batch else at[0],
        faults[-1].number if faults else at[1],
        acts[-1].number if acts else at[2],
    )


def in_order(batch: Sequence[StoredObservation], faults: Sequence[Fault], acts: Sequence[Act]) -> list[Told]:
    """Observations, faults and what people said as the judge takes them, in the order in which the ledger got them."""
    placed: list[tuple[Place, Told]] = [(_place(one), fact_of(one)) for one in batch]
    placed += [(_place(fault), fault_fact(fault)) for fault in faults]
    placed += [(_place(act), act) for act in acts]
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
