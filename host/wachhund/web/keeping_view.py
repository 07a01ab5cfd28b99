"""How long evidence is kept and what became of it, for people: bounds, room, holds, acts of forgetting."""

from collections.abc import Callable
from dataclasses import dataclass

from wachhund.keeping.policy import Keep
from wachhund.ledger import Ledger
from wachhund.ledger.keeping_records import Erasure, Hold, Room

ACTS_SHOWN = 100


@dataclass(frozen=True)
class Kept:
    """One robot: bytes of evidence whose text is kept, and when the oldest of it arrived."""

    name: str
    bytes: int
    oldest_t: float | None


@dataclass(frozen=True)
class KeepingView:
    """The page. `keep`, `last_t`: None where the host that shows it does not forget itself."""

    keep: Keep | None
    last_t: float | None
    room: Room
    robots: list[Kept]
    holds: list[tuple[str, Hold]]
    acts: list[tuple[str, Erasure]]
    rewritten_t: float | None
    rewritten_act: int


Keeping = Callable[[], tuple[Keep, float | None]]


def keeping_view(ledger: Ledger, asked: Keeping | None) -> KeepingView:
    """Everything as it is now. `asked`: what the host was told, and when it last went through all."""
    keep, last_t = asked() if asked is not None else (None, None)
    names = {robot.id: robot.name for robot in ledger.robots()}
    weights = [(robot, size) for robot, size in ledger.keeping.weights() if robot in names]
    rewritten = ledger.keeping.rewritten()
    return KeepingView(
        keep=keep,
        last_t=last_t,
        room=ledger.keeping.room(),
        robots=[Kept(names[robot], size, ledger.keeping.oldest(robot)) for robot, size in weights[:ACTS_SHOWN]],
        holds=[(names.get(hold.robot, hold.robot), hold) for hold in ledger.keeping.holds(ACTS_SHOWN)],
        acts=[(names.get(act.robot, act.robot), act) for act in ledger.keeping.erasures(limit=ACTS_SHOWN)],
        rewritten_t=None if rewritten is None else rewritten[0],
        rewritten_act=0 if rewritten is None else rewritten[1],
    )
