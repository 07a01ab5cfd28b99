"""Judging that goes on where the judge itself fails: one fact of one robot must not silence it for all."""

import logging

from wachhund.judge.engine import Judge, Judgement
from wachhund.judge.fact import Fact, Told

BATCH = 1_000  # observations to be judged together: some 50 ms

_log = logging.getLogger(__name__)


class CarefulJudging:
    """Has facts judged. `crashed`: so many failed, and were left out and logged."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.crashed = 0

    def feed(self, facts: list[Told]) -> Judgement:
        """Judge facts in their order, all that can be."""
        try:
            return self._judge.feed(facts, self._failed)
        except Exception:  # noqa: BLE001  as this room says
            _log.exception("judge: a batch could not be looked at; its facts are judged one by one")
        made = Judgement()
        for fact in facts:
            try:
                one = self._judge.feed([fact], self._failed)
            except Exception as error:  # noqa: BLE001  as above
                self._failed(fact, error)
                continue
            made.incidents.extend(one.incidents)
            made.sessions.extend(one.sessions)
            made.unreadable.extend(one.unreadable)
        return made

    def _failed(self, fact: Told, error: Exception) -> None:
        self.crashed += 1
        which = f"{fact.ref} of {fact.robot}" if isinstance(fact, Fact) else f"act {fact.number}"
        _log.error("judge: %s is left out", which, exc_info=error)
