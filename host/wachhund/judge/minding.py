"""What the judge has in mind, written down in the ledger from time to time (`mind`), and recalled at a start.

Of which nothing was written, or nothing that can be read, all that the ledger holds is judged again: ids follow from
the evidence, so that this changes nothing.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from wachhund.judge import mind, order
from wachhund.judge.careful import BATCH, CarefulJudging
from wachhund.judge.engine import Judge
from wachhund.judge.forgetting import span_of
from wachhund.judge.state import RobotState
from wachhund.ledger import Ledger

# Writing a mind down takes as long as judging some 1,000 observations: a tenth of the time goes into it at most, and a
# start judges no more than this again.
MINDED_EVERY = 100_000  # observations
MINDED_EVERY_OF_ROBOT = 10_000  # observations for each robot that told something meanwhile
MINDED_EVERY_S = 3_600.0  # also when less came: nothing younger is forgotten by age or size

Known = tuple[int, int, int, int]  # the last observation, fault, act of forgetting and act of allowing

_log = logging.getLogger(__name__)


class Minding:
    """The minds of a judge in the ledger. `untold`: robots that told something since theirs were written.

    `is_stopping`: whether to leave off judging again; `behind`: told how many observations there are still to be.
    """

    def __init__(
        self,
        ledger: Ledger,
        judge: Judge,
        judging: CarefulJudging,
        mono: Callable[[], float],
        is_stopping: Callable[[], bool],
        behind: Callable[[int], None],
    ) -> None:
        self._ledger, self._judge, self._judging = ledger, judge, judging
        self._mono, self._is_stopping, self._behind = mono, is_stopping, behind
        self._minded = 0  # the last observation judged when the minds were last written down
        self._minded_at = mono()
        self.untold: set[str] = set()

    def recall(self) -> Known:
        """Have the judge begin with what was in mind when it was last written down. Returns what was known then."""
        known, bodies = self._ledger.minds()
        try:
            if any(version != mind.VERSION for version, _ in bodies.values()):
                raise mind.UnknownMind("mind: of another version of Wachhund")
            states = self._read(known, {robot: body for robot, (_, body) in bodies.items()})
            self._judge.recall(states, self._ledger.authorisations.acts(up_to=known[3]))
        except mind.UnknownMind as error:
            _log.warning("judge: %s; all that the ledger holds is judged again", error)
            self._judge.recall({}, ())
            known = 0, 0, self._ledger.newest_forgetting(), 0
        self._minded = known[0]
        return known

    def _read(self, known: Known, bodies: Mapping[str, bytes]) -> dict[str, RobotState]:
        """What was in mind of each robot. One whose mind is lost is judged again alone: it is no harm to the others."""
        states: dict[str, RobotState] = {}
        for robot, body in bodies.items():
            try:
                states[robot] = mind.read(body)
            except mind.UnknownMind as error:
                _log.warning("judge: robot %s: %s; all that the ledger holds of it is judged again", robot, error)
        for robot in [one.id for one in self._ledger.robots() if one.id not in states] if known[0] else ():
            state = self._judged_again(robot, known)
            if state is not None:
                states[robot] = state
                self.untold.add(robot)
        return states

    def _judged_again(self, robot: str, known: Known) -> RobotState | None:
        """What is in mind of a robot after all that the ledger holds of it, up to what is known of the others."""
        self._judge.recall({}, ())
        at = 0, 0, 0
        while not self._is_stopping():
            read = order.after(self._ledger, at, BATCH, robot)
            told = replace(
                read,
                observations=[one for one in read.observations if one.id <= known[0]],
                faults=[one for one in read.faults if one.number <= known[1]],
                acts=[one for one in read.acts if one.number <= known[3]],
            )
            if told.holds_nothing_to_judge:
                break
            self._behind(known[0] - at[0])
            self._judging.feed(order.in_order(replace(told, faults=[one for one in told.faults if one.robot == robot])))
            at = order.behind(at, told)
        noted = 0
        while erased := self._ledger.keeping.forgettings(noted):
            noted = erased[-1].id
            for act in erased:
                self._judge.forget(span_of(act))
        return self._judge.state_of(robot)

    def is_due(self, cursor: int) -> bool:
        """Whether it is time to write down again. `cursor`: the last observation judged."""
        late = self._mono() - self._minded_at >= MINDED_EVERY_S
        enough = max(MINDED_EVERY, MINDED_EVERY_OF_ROBOT * len(self.untold))
        return bool(self.untold) and (late or cursor - self._minded >= enough)

    def write(self, known: Known) -> None:
        """Write down what is in mind, with what is known. Raises LedgerError."""
        self._minded_at = self._mono()
        try:
            bodies = self._judge.minds(self.untold)
        except mind.UnknownMind as error:
            # A fault of ours, which a test would show. Nothing is forgotten by age or size meanwhile.
            _log.error("judge: %s: a start will judge everything again", error)
            return
        for robot in [one for one, body in bodies.items() if body is None]:
            _log.warning("judge: robot %s: its mind is too long to be written: a start will judge it again", robot)
        if self._ledger.save_minds(known, mind.VERSION, bodies):
            self._minded = known[0]
            self.untold.clear()
