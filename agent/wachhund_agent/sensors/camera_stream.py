"""Who looks through a camera of another board without a connection of this board's: pictures sent as datagrams to a
program here, and views that only cross this board on their way to somebody else.

Both are drawn from what the datagram and the routed sense see. How much crosses is not seen (only the beginnings and
ends of TCP connections are), so each crossing flow to a camera's port counts as a view.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_agent.sensors.camera_view import View
from wachhund_agent.sensors.datagram import OWNER_WAIT_S
from wachhund_agent.sensors.flow import Endpoint, Flow, Owner
from wachhund_agent.sensors.routed import Crossing
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation

VIEWS_KEPT = 256  # open at once; a robot has five cameras
ENOUGH_BYTES = 16 * 1024  # from the camera: less is no picture, a greeting perhaps
STREAM_ENDS_S = 5.0  # without a datagram; the slowest stream sends a picture a second


class _Look(NamedTuple):
    """One view as it is now. `moved`: bytes that came from the camera so far, None where that is not seen."""

    flow: str
    view: View
    via: str
    viewer: Optional[Endpoint]
    owner: Optional[Owner]
    opened: float
    moved: Optional[int]


class _Open:
    """A view that was told. `last`: when it was last seen to move."""

    __slots__ = ("last", "look")

    def __init__(self, look: _Look, mono: float) -> None:
        self.look, self.last = look, mono


class CameraStreamSense(Sense):
    """`datagrams`: open flows beyond TCP, each with its protocol. `crossings`: flows that cross this board.

    Kinds: `camera.open`, `camera.close`.
    """

    name = "camera-stream"
    interval_s = 1.0

    def __init__(
        self,
        datagrams: Callable[[], Sequence[Tuple[str, Flow]]],
        crossings: Callable[[], Sequence[Crossing]],
        views: Sequence[View],
    ) -> None:
        self._datagrams, self._crossings = datagrams, crossings
        self._at: Dict[Endpoint, View] = {(view.address, port): view for view in views for port in view.ports}
        self._open: Dict[str, _Open] = {}
        self._ended: Dict[str, int] = {}  # streams that went silent, with their bytes then: they may go on
        self._dropped = 0

    def start(self, mono: float) -> List[Observation]:
        return self.look(mono)

    def look(self, mono: float) -> List[Observation]:
        found: List[Observation] = []
        now = {look.flow: look for look in self._streams(mono) + self._through()}
        for flow, one in list(self._open.items()):
            look = now.get(flow)
            if look is not None and look.moved != one.look.moved:
                one.look, one.last = look, mono
            if look is None or (look.moved is not None and mono - one.last >= STREAM_ENDS_S):
                del self._open[flow]
                if look is not None and look.moved is not None:
                    self._ended[flow] = look.moved
                found.append(self._closed(one, mono if one.look.moved is None else one.last, mono))
        self._ended = {flow: moved for flow, moved in self._ended.items() if flow in now}
        for flow, look in now.items():
            if flow in self._open or (look.moved or 0) == self._ended.get(flow, -1):
                continue
            if len(self._open) >= VIEWS_KEPT:
                self._dropped += 1
                continue
            again = self._ended.pop(flow, None) is not None
            self._open[flow] = _Open(look._replace(opened=mono) if again else look, mono)
            found.append(self._opened(self._open[flow].look))
        return found

    def coverage(self) -> Coverage:
        if not self._at:
            why = "no camera of another board is known"
            return Coverage("flows", "blind", self.interval_s, self._dropped, why)
        why = "a picture under {} kB by datagram is not told; of views that cross, not how much".format(
            ENOUGH_BYTES // 1024
        )
        return Coverage("flows", "poll", self.interval_s, self._dropped, why)

    def close(self) -> None:
        self._open.clear()

    def _streams(self, mono: float) -> List[_Look]:
        found = []
        for proto, flow in self._datagrams():
            if proto != "udp" or flow.bytes_in < ENOUGH_BYTES:
                continue
            if flow.owner is None and mono - flow.opened < OWNER_WAIT_S:
                continue  # the view names the program that takes it, which may be found a moment later
            # A camera sends from its port, or to the port of that number here.
            view = self._at.get(flow.remote) or self._at.get((flow.remote[0], flow.local[1]))
            if view is not None:
                found.append(_Look(flow.flow, view, "stream", None, flow.owner, flow.opened, flow.bytes_in))
        return found

    def _through(self) -> List[_Look]:
        found = []
        for one in self._crossings():
            for camera, viewer in ((one.target, one.source), (one.source, one.target)):
                view = self._at.get(camera) or (self._at.get((camera[0], viewer[1])) if one.proto == "udp" else None)
                if view is not None:
                    found.append(_Look(one.flow, view, "routed", viewer, None, one.opened, None))
                    break
        return found

    def _opened(self, look: _Look) -> Observation:
        fields = self._fields(look)
        if look.viewer is None:
            fields["why"] = "the program itself takes the pictures"
        return Observation("camera.open", wall(look.opened), look.opened, "camera-stream/flows", fields)

    def _closed(self, one: _Open, ended: float, mono: float) -> Observation:
        fields = self._fields(one.look)
        fields["duration_s"] = round(max(0.0, ended - one.look.opened), 3)
        return Observation("camera.close", wall(mono), mono, "camera-stream/flows", fields)

    @staticmethod
    def _fields(look: _Look) -> Dict[str, Any]:
        owner = look.owner
        return {
            "camera": look.view.camera,
            "via": look.via,
            "viewer": None if look.viewer is None else list(look.viewer),
            "puid": None if owner is None else owner.puid,
            "pid": None if owner is None else owner.pid,
            "exe": None if owner is None else owner.exe,
            "user": None if owner is None else owner.user,
            "flow": look.flow,
        }
