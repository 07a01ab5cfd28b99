"""A robot that told something for half a minute on each of three days, and a ledger that can be made to forget it."""

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.intake.waiting import Message
from wachhund.ledger import Ledger
from wachhund.ledger.keeping_records import AGE, REQUEST, Act, Erasure
from wachhund_evidence import pack_message

T = 1_000_000.0  # host time of its first token
DAY = 86_400.0
MARKER = "a-name-that-must-go"


class ThreeDays:
    """Numbers 1 to 30 were made from T on, one a second, 31 to 60 a day later, 61 to 90 two days later."""

    def __init__(self, bench: HostBench, name: str = "rex", days: int = 3, each: int = 30) -> None:
        self.bench, self.now = bench, T
        self.robot = ScriptedRobot(clock=lambda: self.now)
        self.row = bench.add(name, self.robot)
        for day in range(days):
            self.tell(T + day * DAY, each)
        bench.ledger.save_judgement(10_000, [], [])
        bench.ledger.save_minds((10_000, 0, 0, 0), "v", {})

    def tell(self, t: float, count: int) -> list[str]:
        """Tokens that were made and arrived from `t` on."""
        made, messages = [], []
        for number in range(count):
            self.now = t + number
            self.robot.nonce = self.bench.nonce(self.robot, self.now - 1)
            flow = self.robot.saw("flow.open", flow=f"f{self.robot.seq}", exe=f"/{MARKER}/{self.robot.seq}")
            made.append(self.robot.token(flow))
            messages.append(Message(self.row.id, pack_message(made[-1]), self.now))
        self.bench.take_messages(messages)
        return made

    @property
    def ledger(self) -> Ledger:
        return self.bench.ledger

    def erase_before(self, t: float, reason: str = AGE) -> Erasure | None:
        """All slices of an erasing by age; None when there was nothing to erase."""
        keeping = self.ledger.keeping
        act = Act(reason, self.row.id, None, t, "the host", "365 days are over", t)
        pins = keeping.pinned(self.row.id, t)
        at: tuple[float, int] | None = (0.0, 0)
        erasure: Erasure | None = None
        while at is not None:
            made, erasure = keeping.erase_old(act, erasure, at, pins)
            at = made.after
        gone = 1
        while gone:
            gone, erasure = keeping.erase_old_verdicts(act, erasure)
        if erasure is None:
            return None
        keeping.finish(erasure, t)
        return keeping.erasures()[0]

    def erase_span(self, from_t: float | None, to_t: float, uncertain: bool = False) -> Erasure:
        """All slices of an erasing on request."""
        keeping = self.ledger.keeping
        act = Act(REQUEST, self.row.id, from_t, to_t, "admin", "she asked for it", to_t, uncertain)
        erasure = keeping.request(act, lambda *_: None)
        while keeping.erase_requested(erasure, to_t):
            pass
        return keeping.erasures()[0]

    def held(self) -> set[int]:
        """Numbers whose text is there."""
        return {seq for seq in range(1, self.robot.seq + 1) if self.ledger.token(self.row.id, self.robot.chain, seq)}
