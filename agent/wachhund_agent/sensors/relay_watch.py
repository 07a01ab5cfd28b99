"""One pair of sides under watch: sums the counters of its flows, keeps its evidence, says when it is due again."""

from typing import Any, Dict, Mapping, Optional, Tuple

from wachhund_agent.kernel.sock_diag import TcpCounters
from wachhund_agent.sensors.flow import Flow
from wachhund_agent.sensors.relay_candidates import Pair, control_surface, is_server
from wachhund_agent.sensors.relay_statistics import RELAY, PairEvidence, Reading

NEW_S = 15.0  # a new pair, or one that moved within LIVELY_S, is read every LIVELY_EVERY_S
LIVELY_S = 5.0
LIVELY_EVERY_S = 0.1
USUAL_EVERY_S = 0.5
IDLE_S, IDLE_EVERY_S = 60.0, 1.0
YOUNG_S = 2.0  # a flow this young when its pair is formed counts from its first byte
MAX_FLOWS = 32  # of one side that are read; the newest
NEVER = float("-inf")


class _Side:
    """Totals of all flows of one side, those that have gone included. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.received = self.sent = 0
        self.last_received = self.last_sent = NEVER
        self._counted: Dict[str, Tuple[int, int]] = {}

    def first(self, flow: str, from_zero: bool, counters: TcpCounters) -> None:
        if flow not in self._counted:
            self._counted[flow] = (0, 0) if from_zero else (counters.bytes_received, counters.bytes_sent)

    def begin(self, flow: str, received: int, sent: int) -> None:
        """Count this flow from these totals on."""
        self._counted.setdefault(flow, (received, sent))

    def knows(self, flow: str) -> bool:
        return flow in self._counted

    def add(self, flow: str, received: int, sent: int, received_at: float, sent_at: float) -> None:
        before = self._counted.get(flow, (0, 0))
        if received > before[0]:
            self.received += received - before[0]
            self.last_received = max(self.last_received, received_at)
        if sent > before[1]:
            self.sent += sent - before[1]
            self.last_sent = max(self.last_sent, sent_at)
        self._counted[flow] = (max(received, before[0]), max(sent, before[1]))

    def forget_all_but(self, kept: Tuple[Flow, ...]) -> None:
        self._counted = {flow.flow: self._counted[flow.flow] for flow in kept if flow.flow in self._counted}


class Watch:
    """The state of one pair. `told_*` is what its last observation said."""

    def __init__(self, pair: Pair, now: float, counted: Mapping[str, Tuple[int, int]]) -> None:
        """`counted`: bytes received and sent of outer flows before the pair was known.

        What made a relay open its inner flow came before we could look, and is the first thing to compare.
        """
        self.pair = pair
        self._before = {flow.flow: counted[flow.flow] for flow in pair.outer if flow.flow in counted}
        self.began = now
        self.due = now
        self.gone_since: Optional[float] = None
        self.told_verdict: Optional[str] = None
        self.told_inner: Optional[str] = None
        self.told_at = NEVER
        self.evidence: Optional[PairEvidence] = None
        self._outer, self._inner = _Side(), _Side()
        self._outer_age: Optional[float] = None
        self._since_outer_data: Optional[float] = None

    @property
    def verdict(self) -> str:
        return "undecided" if self.evidence is None else self.evidence.verdict

    def flows(self) -> Tuple[Flow, ...]:
        return self.pair.outer[-MAX_FLOWS:] + self.pair.inner[-MAX_FLOWS:]

    def read(self, now: float, counters: Mapping[str, Optional[TcpCounters]]) -> None:
        """Take one reading of all its flows. `counters` by flow id; None for a flow that has gone."""
        newest_inner = self.pair.inner[-1]
        for group, members in ((self._outer, self.pair.outer), (self._inner, self.pair.inner)):
            for flow in members[-MAX_FLOWS:]:
                info = counters.get(flow.flow)
                if info is None:
                    continue
                received_at, sent_at = now - info.last_data_recv_ms / 1000, now - info.last_data_sent_ms / 1000
                if not group.knows(flow.flow):
                    if self.evidence is not None:
                        from_zero = flow.opened >= self.began - YOUNG_S
                    else:
                        from_zero = flow.opened >= newest_inner.opened - YOUNG_S and now - flow.opened <= YOUNG_S
                    if group is self._outer and not from_zero and flow.flow in self._before:
                        group.begin(flow.flow, *self._before[flow.flow])
                    group.first(flow.flow, from_zero, info)
                    if group is self._outer and self._since_outer_data is None and info.bytes_received:
                        self._since_outer_data = max(0.0, newest_inner.opened - received_at)
                group.add(flow.flow, info.bytes_received, info.bytes_sent, received_at, sent_at)
        if self._outer_age is None:
            self._outer_age = max(0.0, newest_inner.opened - self.pair.outer[0].opened)
        self._judge(now)

    def renew(self, pair: Pair) -> None:
        """Flows came or went."""
        self.pair, self.gone_since = pair, None
        self._outer.forget_all_but(pair.outer)
        self._inner.forget_all_but(pair.inner)

    def closed(self, now: float, flow: str, received: int, sent: int) -> bool:
        """A flow has gone, with these final counts in bytes. Returns whether it was one of this pair's."""
        for group, members in ((self._outer, self.pair.outer), (self._inner, self.pair.inner)):
            if group.knows(flow) or any(member.flow == flow for member in members):
                group.add(flow, received, sent, now, now)
                self._judge(now)
                return True
        return False

    def _judge(self, now: float) -> None:
        outer, inner = self._outer, self._inner
        reading = Reading(
            now, outer.received, inner.sent, inner.received, outer.sent,
            outer.last_received, inner.last_sent, inner.last_received, outer.last_sent,
        )  # fmt: skip
        if self.evidence is None:
            # Young flows began at nothing: what they have moved already is the first thing to judge.
            self.evidence = PairEvidence(reading._replace(outer_in=0, inner_out=0, inner_in=0, outer_out=0))
        self.evidence.add(reading)

    def plan(self, now: float) -> None:
        """Set when the next reading is due."""
        moved = self.evidence.last_moved if self.evidence is not None else None
        quiet = now - (self.began if moved is None else moved)
        if self.verdict == RELAY:
            every = IDLE_EVERY_S
        elif now - self.pair.inner[-1].opened <= NEW_S or quiet <= LIVELY_S:
            every = LIVELY_EVERY_S
        else:
            every = USUAL_EVERY_S if quiet <= IDLE_S else IDLE_EVERY_S
        self.due = now + every

    def structure(self) -> Dict[str, Any]:
        """What is known of the pair without looking at its bytes."""
        outer, inner = self.pair.outer[-1], self.pair.inner[-1]
        puids = [flow.owner.puid for flow in (outer, inner) if flow.owner is not None]
        return {
            "outer_age_s": None if self._outer_age is None else round(self._outer_age, 3),
            "since_outer_data_s": None if self._since_outer_data is None else round(self._since_outer_data, 3),
            "family": sorted(set(puids)),
            "joined_by": self.pair.joined_by,
            "listener": list(outer.local) if outer.direction == "in" else None,
            "control_surface": control_surface(inner),
            "server": is_server(self.pair),
            "outer_flows": [flow.flow for flow in self.pair.outer[-8:]],
            "inner_flows": [flow.flow for flow in self.pair.inner[-8:]],
        }
