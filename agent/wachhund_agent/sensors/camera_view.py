"""Who looks through a camera of another board by TCP: a connection to it, joined with the client whom a proxy serves.

A proxy holds two connections for one view: in from the client, out to the camera. They are joined when they belong to
one process or program, were opened nearest to each other, and their bytes move together. Where more than one client
fits, none is named: the candidates are.
"""

from collections import deque
from typing import Any, Callable, Deque, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.clock import wall
from wachhund_agent.sensors.flow import Endpoint, Flow, Owner
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation

VIEWS_KEPT = 256  # open at once; a robot has five cameras
CLIENTS_KEPT = 1024  # inbound connections whose counters are remembered
CANDIDATES_TOLD = 8
LOOKS_KEPT = 4  # counters of the last seconds: a view is heard of up to 0.5 s after it was opened
ALONE_S = 3.0  # an inbound flow is told with its process by then
DECIDE_S = 10.0  # five dumps of the counters
NEAR_S = 1.0  # a client that connects in order to look asks at once
EARLIER_S = 0.02  # two events of one moment
APART_S = 0.05
ENOUGH_BYTES = 64 * 1024  # beyond the headers and what a proxy keeps back
SLACK_BYTES = 16 * 1024
SLACK_SHARE = 0.25


class View(NamedTuple):
    """A camera of another board. `via`: "proxy" (a program here serves clients with it) or "stream" (a program here
    takes the pictures itself)."""

    camera: str
    address: str
    ports: Tuple[int, ...]
    via: str


class _Watched:
    """A connection to a camera. `client`: the flow that was joined. `start`: bytes that each flow had moved before."""

    __slots__ = ("camera", "candidates", "client", "existing", "flow", "start", "told", "via", "why")

    def __init__(self, flow: Flow, camera: str, via: str, existing: bool, start: Mapping[str, int]) -> None:
        self.flow = flow
        self.camera = camera
        self.via = via
        self.existing = existing
        self.start = start
        self.candidates: List[Flow] = []
        self.client: Optional[Flow] = None
        self.why: Optional[str] = None
        self.told = False

    def error(self, client: Flow) -> int:
        """By how many bytes the client was sent more or less than came from the camera."""
        base_in = self.start.get(self.flow.flow, 0)
        return abs(client.bytes_out - self.start.get(client.flow, 0) - (self.flow.bytes_in - base_in))

    @property
    def moved(self) -> int:
        return self.flow.bytes_in - self.start.get(self.flow.flow, 0)

    def fits(self, client: Flow) -> bool:
        return self.error(client) <= self.moved * SLACK_SHARE + SLACK_BYTES

    def gap(self, client: Flow) -> float:
        return abs(self.flow.opened - client.opened)


class CameraViewSense(Sense):
    """`flows`: this robot's open TCP flows. `views`: the cameras of the other boards.

    Kinds: `camera.open`, `camera.close`.
    """

    name = "camera-view"
    interval_s = 1.0

    def __init__(self, flows: Callable[[], Mapping[str, Flow]], views: Sequence[View]) -> None:
        self._flows = flows
        self._at: Dict[Endpoint, List[View]] = {}
        for view in views:
            for port in view.ports:
                self._at.setdefault((view.address, port), []).append(view)
        self._watched: Dict[str, _Watched] = {}
        self._sent: Deque[Tuple[float, Dict[str, int]]] = deque(maxlen=LOOKS_KEPT)
        self._dropped = 0

    def start(self, mono: float) -> List[Observation]:
        return self._round(mono, existing=True)

    def look(self, mono: float) -> List[Observation]:
        return self._round(mono)

    def coverage(self) -> Coverage:
        if not self._at:
            why = "no camera of another board is known that this robot takes pictures from"
            return Coverage("flows", "blind", self.interval_s, self._dropped, why)
        why = "a view shorter than a second can be missed"
        return Coverage("flows", "poll", self.interval_s, self._dropped, why)

    def close(self) -> None:
        self._watched.clear()
        self._sent.clear()

    def _round(self, mono: float, existing: bool = False) -> List[Observation]:
        if not self._at:
            return []
        flows = self._flows()
        # Where the camera itself is served from here, its end of the view is no client.
        inbound = [
            flow for flow in flows.values() if flow.direction == "in" and not flow.own and flow.local not in self._at
        ]
        cameras = [flow for flow in flows.values() if flow.direction == "out" and flow.remote in self._at]
        for flow in cameras:
            self._heard_of(flow, inbound, existing)
        found: List[Observation] = []
        for key, watched in list(self._watched.items()):
            if key in flows:
                watched.flow = flows[key]
                continue
            if not watched.told:
                watched.why = watched.why or "it ended before its client was clear"
                found.append(self._opened(watched))
            found.append(self._closed(self._watched.pop(key), mono))
        undecided = [watched for watched in self._watched.values() if not watched.told]
        if undecided:
            self._find_candidates(undecided, inbound)
        undecided.sort(key=lambda one: one.flow.opened)
        found.extend(self._opened(watched) for watched in undecided if self._decide(watched, undecided, mono))
        self._sent.append((mono, {flow.flow: flow.bytes_out for flow in inbound[:CLIENTS_KEPT]}))
        return found

    def _heard_of(self, flow: Flow, inbound: Sequence[Flow], existing: bool) -> None:
        known = self._watched.get(flow.flow)
        if known is not None:
            return
        if len(self._watched) >= VIEWS_KEPT:
            self._dropped += 1
            return
        start: Dict[str, int] = {}
        if existing:
            # What moved before us tells nothing; from here on both count from the same moment.
            start = {one.flow: one.bytes_out for one in inbound[:CLIENTS_KEPT]}
            start[flow.flow] = flow.bytes_in
        else:
            for mono, sent in self._sent:
                if mono <= flow.opened:
                    start = sent
        views = self._at[flow.remote]
        camera = " or ".join(sorted({view.camera for view in views}))
        self._watched[flow.flow] = _Watched(flow, camera, views[0].via, existing, start)

    def _find_candidates(self, undecided: Sequence[_Watched], inbound: Sequence[Flow]) -> None:
        taken: Set[str] = {one.client.flow for one in self._watched.values() if one.client is not None}
        parents: Dict[int, Optional[int]] = {}
        for watched in undecided:
            owner = watched.flow.owner
            if owner is None or watched.via != "proxy":
                continue
            limit = watched.flow.opened + EARLIER_S
            free = [one for one in inbound if one.owner is not None and one.opened <= limit and one.flow not in taken]
            same = [one for one in free if one.owner is not None and one.owner.puid == owner.puid]
            watched.candidates = same or [
                one for one in free if one.owner is not None and _is_family(one.owner, owner, parents)
            ]

    def _decide(self, watched: _Watched, undecided: Sequence[_Watched], mono: float) -> bool:
        """Is it clear now who looks, or clear that it will not be?"""
        age = mono - watched.flow.opened
        if watched.via != "proxy":
            watched.why = "the program itself takes the picture"
            return True
        others = [one for one in undecided if one is not watched]
        taken = {one.client.flow for one in others if one.client is not None}
        left = [one for one in watched.candidates if one.flow not in taken]
        if not left:
            if age >= ALONE_S:
                watched.why = "the program has no client that it could serve: it looks itself"
            return age >= ALONE_S
        has_bytes = watched.moved >= ENOUGH_BYTES
        fitting = [one for one in left if watched.fits(one)] if has_bytes else left
        watched.client = self._clear_one(watched, fitting, others, has_bytes)
        if watched.client is not None and (has_bytes or age >= ALONE_S):
            return True
        watched.client = None
        if age < DECIDE_S:
            return False
        watched.why = "several clients fit" if len(fitting) > 1 else "no client's bytes move with it"
        watched.candidates = fitting or left
        return True

    def _clear_one(
        self, watched: _Watched, fitting: Sequence[Flow], others: Sequence[_Watched], has_bytes: bool
    ) -> Optional[Flow]:
        """The one client that stands out, by what was sent or else by time; and that fits no other view better."""
        rivals = [one for one in others if one.client is None]
        if has_bytes and fitting:
            ranked = sorted(fitting, key=watched.error)
            error = watched.error(ranked[0])
            alone = len(ranked) == 1 or watched.error(ranked[1]) >= 4 * error + SLACK_BYTES // 4
            claimed = [one for one in rivals if ranked[0] in one.candidates and one.error(ranked[0]) < error]
            if alone and not claimed:
                return ranked[0]
        ranked = sorted(fitting, key=watched.gap)
        if not ranked:
            return None
        gap = watched.gap(ranked[0])
        alone = len(ranked) == 1 or watched.gap(ranked[1]) - gap >= max(APART_S, 3 * gap)
        claimed = [one for one in rivals if ranked[0] in one.candidates and one.gap(ranked[0]) - gap < APART_S]
        return ranked[0] if gap <= NEAR_S and alone and not claimed else None

    def _opened(self, watched: _Watched) -> Observation:
        watched.told = True
        fields = self._fields(watched)
        fields["existing"] = watched.existing
        if watched.client is None:
            fields["why"] = watched.why
            if watched.candidates:
                fields["candidates"] = [list(one.remote) for one in watched.candidates[:CANDIDATES_TOLD]]
        mono = watched.flow.opened
        return Observation("camera.open", wall(mono), mono, "camera-view/flows", fields)

    def _closed(self, watched: _Watched, mono: float) -> Observation:
        fields = self._fields(watched)
        fields["duration_s"] = None if watched.existing else round(max(0.0, mono - watched.flow.opened), 3)
        return Observation("camera.close", wall(mono), mono, "camera-view/flows", fields)

    @staticmethod
    def _fields(watched: _Watched) -> Dict[str, Any]:
        owner, client = watched.flow.owner, watched.client
        return {
            "camera": watched.camera,
            "via": watched.via,
            "viewer": None if client is None else list(client.remote),
            "puid": None if owner is None else owner.puid,
            "pid": None if owner is None else owner.pid,
            "exe": None if owner is None else owner.exe,
            "user": None if owner is None else owner.user,
            "flow": watched.flow.flow,
            "client_flow": None if client is None else client.flow,
        }


def _is_family(one: Owner, other: Owner, parents: Dict[int, Optional[int]]) -> bool:
    """Do two processes run the same program, as parent and child or as children of one?"""
    if one.exe is None or one.exe != other.exe:
        return False
    for pid in (one.pid, other.pid):
        if pid not in parents:
            stat = procfs.stat(pid)
            parents[pid] = None if stat is None else stat.ppid
    above, above_other = parents[one.pid], parents[other.pid]
    return above == other.pid or above_other == one.pid or (above is not None and above == above_other and above > 1)
