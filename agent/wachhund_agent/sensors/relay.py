"""Relays: a process, or a family of them, whose outer flow and inner flow answer each other.

First by structure, at once; then by behaviour, from the kernel's counters (relay_statistics). Nothing is read while
no pair exists.
"""

import time
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

from wachhund_agent.kernel import clock, procfs
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.sock_diag import Endpoint, TcpCounters
from wachhund_agent.kernel.tcp_lookup import Asked, TcpLookup
from wachhund_agent.sensors.flow import Flow, Owner
from wachhund_agent.sensors.relay_candidates import (
    MAX_PAIRS,
    Pair,
    Side,
    is_outer,
    is_server,
    may_be_inner,
    owners,
    pairs_of,
)
from wachhund_agent.sensors.relay_family import Families
from wachhund_agent.sensors.relay_watch import IDLE_EVERY_S, LIVELY_EVERY_S, Watch
from wachhund_evidence import Coverage, Observation

SENSOR = "relay/tcp_info"
REST_S = 60.0  # a pair without inner flow is kept this long: a tunnelled browser opens one for each request
TELL_EVERY_S = 1.0  # a pair
MAX_READ_FLOWS = 256  # a tick, some 10 us each
TABLE_S = 1.0
MAX_BRIEF = 256  # flows between two ticks that may have come and gone
_NO_FLOW = Flow("", ("", 0), ("", 0), "out", None, None, None, 0, 0, 0.0)

PairKey = Tuple[Side, Side]
# The moment and the counters of these flows as they were then, by flow id; None for one that has gone.
Find = Callable[[List[Flow]], Tuple[float, Dict[str, Optional[TcpCounters]]]]


class RelaySensor:
    """Turns a live table of flows into `relay` observations.

    `flows`: the table, another one whenever something in it changed. `find`: reads counters.
    """

    def __init__(
        self,
        flows: Callable[[], Mapping[str, Flow]],
        families: Optional[Families] = None,
        find: Optional[Find] = None,
        wall: Callable[[], float] = time.time,
        exe: Callable[[int], Tuple[Optional[str], bool]] = procfs.exe,
    ) -> None:
        self._flows, self._wall, self._exe = flows, wall, exe
        self._families = families if families is not None else Families()
        self._lookup: Optional[TcpLookup] = None
        self._find = find if find is not None else self._find_in_kernel
        self._watches: Dict[PairKey, Watch] = {}
        self._seen: Dict[str, Optional[Owner]] = {}
        self._brief: Dict[str, Flow] = {}
        self._table: Mapping[str, Flow] = {}
        self._formed_from: Optional[Mapping[str, Flow]] = None
        self._counted: Dict[str, Tuple[int, int]] = {}  # outer flows as they were one look at the table earlier
        self._stale, self._next_table = True, 0.0
        self._finals: Dict[str, Tuple[int, int]] = {}
        self._again = float("-inf")
        self._left_out = 0
        self._why: Optional[str] = None

    def hear(self, told: Iterable[Observation]) -> None:
        """Flow observations as they are made: so flows that open and close between two ticks count as well."""
        for observation in told:
            if not observation.kind.startswith("flow."):
                continue
            self._stale = True
            flow = str(observation.fields.get("flow"))
            if observation.kind == "flow.open" and len(self._brief) < MAX_BRIEF:
                made = _flow_of(observation)
                if made is not None and (is_outer(made) or may_be_inner(made)):
                    self._brief[flow] = made
            elif observation.kind == "flow.close" and len(self._finals) < MAX_BRIEF:
                received, sent = observation.fields.get("bytes_in"), observation.fields.get("bytes_out")
                if type(received) is int and type(sent) is int:
                    self._finals[flow] = (received, sent)

    def tick(self, now: float) -> List[Observation]:
        """Look at what is due. `now`: monotonic seconds. Never raises for a flow that has gone."""
        live = self._live(now)
        # Before pairs forget what has gone, and again for flows that came and went since the last tick.
        self._take_finals(now)
        self._form_pairs(live, now)
        due = [watch for watch in self._watches.values() if watch.due <= now and watch.gone_since is None]
        wanted = {flow.flow: flow for watch in due for flow in watch.flows()}
        if wanted:
            moment, counters = self._find(list(wanted.values())[:MAX_READ_FLOWS])
            for watch in due:
                watch.read(moment, counters)
                watch.plan(moment)
        self._take_finals(now)
        self._finals.clear()
        self._brief.clear()
        return [self._tell(watch, now) for watch in self._watches.values() if self._must_tell(watch, now)]

    def _live(self, now: float) -> Mapping[str, Flow]:
        """The table, read again only when a flow was told of, or after a while."""
        if self._stale or now >= self._next_table:
            before, self._table = self._table, self._flows()
            self._stale, self._next_table = False, now + TABLE_S
            self._counted = {flow.flow: (flow.bytes_in, flow.bytes_out) for flow in before.values() if is_outer(flow)}
        if not self._brief:
            return self._table
        merged = dict(self._brief)
        merged.update(self._table)
        return merged

    def next_due(self) -> Optional[float]:
        """When `tick` has something to do even if no flow changes: monotonic seconds, or None."""
        times = [watch.due for watch in self._watches.values() if watch.gone_since is None]
        if self._again > 0:
            times.append(self._again)
        return min(times) if times else None

    def coverage(self) -> Coverage:
        """`dropped` counts pairs that were not watched because too many were."""
        return Coverage(SENSOR, "poll", LIVELY_EVERY_S if self._watches else IDLE_EVERY_S, self._left_out, self._why)

    def _form_pairs(self, live: Mapping[str, Flow], now: float) -> None:
        due = 0 < self._again <= now
        if live is self._formed_from and not due:
            return
        self._formed_from = live
        seen = {flow.flow: flow.owner for flow in live.values() if is_outer(flow) or may_be_inner(flow)}
        if seen == self._seen and not due:
            return
        self._seen = seen
        mine = {flow: live[flow] for flow in seen}
        outers = owners(flow for flow in mine.values() if is_outer(flow))
        inners = owners(flow for flow in mine.values() if may_be_inner(flow))
        # Processes may be tied later than they connect: look again while both kinds exist.
        self._again = now + 5.0 if outers and inners and len(outers.keys() | inners.keys()) > 1 else float("-inf")
        ties = self._families.ties(outers.values(), inners.values(), now)
        found = {pair.key: pair for pair in reversed(pairs_of(mine, ties))} if ties else {}
        for key, watch in list(self._watches.items()):
            pair = found.pop(key, None)
            if pair is not None:
                watch.renew(pair)
            elif watch.gone_since is None:
                watch.gone_since = now
            elif now - watch.gone_since > REST_S:
                del self._watches[key]
        for key, pair in sorted(found.items(), key=lambda item: _rank(item[1])):
            if len(self._watches) >= MAX_PAIRS and not self._make_room():
                self._left_out += 1
                continue
            self._watches[key] = Watch(pair, now, self._counted)

    def _make_room(self) -> bool:
        resting = [(watch.gone_since, key) for key, watch in self._watches.items() if watch.gone_since is not None]
        if not resting:
            return False
        del self._watches[min(resting)[1]]
        return True

    def _take_finals(self, now: float) -> None:
        for flow, (received, sent) in list(self._finals.items()):
            # Every pair that the flow belongs to must have it, so none may be left out once one did.
            takers = [watch for watch in self._watches.values() if watch.closed(now, flow, received, sent)]
            if takers:
                del self._finals[flow]

    def _must_tell(self, watch: Watch, now: float) -> bool:
        if now - watch.told_at < TELL_EVERY_S:
            return False
        return watch.verdict != watch.told_verdict or watch.pair.inner[-1].flow != watch.told_inner

    def _tell(self, watch: Watch, now: float) -> Observation:
        outer, inner = watch.pair.outer[-1], watch.pair.inner[-1]
        owner = outer.owner
        watch.told_verdict, watch.told_inner, watch.told_at = watch.verdict, inner.flow, now
        fields: Dict[str, Any] = {
            "outer": outer.flow,
            "inner": inner.flow,
            "puid": None if owner is None else owner.puid,
            "pid": None if owner is None else owner.pid,
            "exe": None if owner is None else owner.exe,
            "user": None if owner is None else owner.user,
            "exe_deleted": None if owner is None else self._is_deleted(owner),
            "verdict": watch.verdict,
            "outer_direction": outer.direction,
            "outer_remote": list(outer.remote),
            "inner_remote": list(inner.remote),
            "structure": watch.structure(),
            "evidence": {} if watch.evidence is None else watch.evidence.numbers(),
        }
        return Observation("relay", self._wall(), now, SENSOR, fields)

    def _is_deleted(self, owner: Owner) -> Optional[bool]:
        """Whether the program's file is gone by now: commonly that happens once it runs. None where nobody can say."""
        exe, deleted = self._exe(owner.pid)
        return deleted if exe is not None and exe == owner.exe else None

    def _find_in_kernel(self, flows: List[Flow]) -> Tuple[float, Dict[str, Optional[TcpCounters]]]:
        try:
            if self._lookup is None:
                self._lookup = TcpLookup()
            moment, found = self._lookup.find([Asked(flow.local, flow.remote, flow.cookie) for flow in flows])
        except KernelError as error:
            self._why = str(error)
            return clock.mono(), {}
        self._why = None
        return moment, {flow.flow: one and one.info for flow, one in zip(flows, found)}


def _rank(pair: Pair) -> Tuple[bool, float]:
    return is_server(pair), -pair.inner[-1].opened


def _flow_of(observation: Observation) -> Optional[Flow]:
    fields = observation.fields
    puid, pid = fields.get("puid"), fields.get("pid")
    if not isinstance(puid, str) or not isinstance(pid, int):
        return None
    local: Endpoint = (fields["local"][0], fields["local"][1])
    remote: Endpoint = (fields["remote"][0], fields["remote"][1])
    return _NO_FLOW._replace(
        flow=fields["flow"],
        local=local,
        remote=remote,
        direction=fields["direction"],
        scope=fields["scope"],
        owner=Owner(pid, puid, fields.get("exe"), fields.get("user")),
        opened=observation.mono,
        own=bool(fields.get("own")),
    )
