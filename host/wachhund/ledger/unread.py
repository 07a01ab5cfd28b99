"""What a judge has not read yet, all of one moment of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from wachhund.ledger import accepting, authorising, integrity, keeping, reading
from wachhund.ledger.authorisation_records import AuthorisationAct
from wachhund.ledger.baseline_records import BaselineAct
from wachhund.ledger.fault_records import Fault
from wachhund.ledger.keeping_records import Erasure
from wachhund.ledger.records import StoredObservation

Place = tuple[int, int, int]  # the last observation, fault and act that were read


@dataclass(frozen=True)
class Unread:
    """Each in the order of its numbers. `acts`: what people allowed, and accepted as usual. `erasures`: acts of
    forgetting, those that concern what a judge has in mind."""

    observations: Sequence[StoredObservation]
    faults: Sequence[Fault]
    acts: Sequence[AuthorisationAct | BaselineAct]
    erasures: Sequence[Erasure]

    @property
    def holds_nothing_to_judge(self) -> bool:
        """Of erasures there may be some."""
        return not self.observations and not self.faults and not self.acts


def unread(
    connection: Connection, at: Place, limit: int, robot: str | None, forgotten: int | None, lane: int | None
) -> Unread:
    """At most `limit` of each beyond that place. `robot`: the one whose observations are told; None: of all.
    `forgotten`: the last act of forgetting that is known; None: they are not told."""
    acts: list[AuthorisationAct | BaselineAct] = [
        *authorising.acts(connection, at[2], limit, None),
        *accepting.acts(connection, at[2], limit),
    ]
    return Unread(
        reading.observations_after(connection, at[0], limit, robot, None, lane),
        integrity.after(connection, at[1], limit, lane),
        sorted(acts, key=lambda act: act.number)[:limit],
        () if forgotten is None else keeping.forgettings(connection, forgotten),
    )
