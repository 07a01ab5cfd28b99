"""Who shares this robot's desktop: a connection from outside to a program that shows a screen and takes keys (VNC, RDP
and their like). Which programs do so is data; that a password was asked for and right is not seen from here.
"""

from typing import Callable, Dict, List, Mapping

from wachhund_agent.kernel.clock import wall
from wachhund_agent.sensors.flow import Flow
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation

SESSIONS_KEPT = 256
_PROGRAMS = {
    "Xvnc": "vnc", "Xtigervnc": "vnc", "Xtightvnc": "vnc", "Xrealvnc": "vnc", "x0vncserver": "vnc",
    "X0tigervnc": "vnc", "x11vnc": "vnc", "wayvnc": "vnc", "vncserver-x11-core": "vnc", "krfb": "vnc",
    "vino-server": "vnc", "xrdp": "rdp", "gnome-remote-desktop-daemon": "rdp", "rustdesk": "rustdesk",
    "anydesk": "anydesk", "teamviewerd": "teamviewer", "nxd": "nomachine",
}  # fmt: skip


class DesktopSense(Sense):
    """`flows`: this robot's open TCP flows. Kinds: `login.start`, `login.end` with method "connection"."""

    name = "desktop"
    interval_s = 1.0

    def __init__(self, flows: Callable[[], Mapping[str, Flow]]) -> None:
        self._flows = flows
        self._open: Dict[str, Flow] = {}
        self._dropped = 0

    def start(self, mono: float) -> List[Observation]:
        return self._round(mono, existing=True)

    def look(self, mono: float) -> List[Observation]:
        return self._round(mono, existing=False)

    def coverage(self) -> Coverage:
        why = "a session shorter than a second can be missed; whether a password was right is not seen"
        return Coverage("flows", "poll", self.interval_s, self._dropped, why)

    def close(self) -> None:
        self._open.clear()

    def _round(self, mono: float, existing: bool) -> List[Observation]:
        now = {flow.flow: flow for flow in self._flows().values() if flow.direction == "in" and _service(flow)}
        found = [self._ended(self._open.pop(key), mono) for key in [key for key in self._open if key not in now]]
        for key, flow in now.items():
            if key in self._open:
                continue
            if len(self._open) >= SESSIONS_KEPT:
                self._dropped += 1
                continue
            self._open[key] = flow
            found.append(self._began(flow, existing))
        return found

    @staticmethod
    def _began(flow: Flow, existing: bool) -> Observation:
        peer = flow.peer
        fields: Dict[str, object] = {
            **_who(flow),
            "method": "connection",
            "from": list(flow.remote),
            "tty": None,
            "peer": None if peer is None else {"puid": peer.puid, "exe": peer.exe, "pid": peer.pid},
        }
        if existing:
            fields["existing"] = True
        return Observation("login.start", wall(flow.opened), flow.opened, "desktop/flows", fields)

    @staticmethod
    def _ended(flow: Flow, mono: float) -> Observation:
        fields = dict(_who(flow), duration_s=round(max(0.0, mono - flow.opened), 3))
        return Observation("login.end", wall(mono), mono, "desktop/flows", fields)


def _service(flow: Flow) -> str:
    exe = None if flow.owner is None else flow.owner.exe
    return _PROGRAMS.get((exe or "").rsplit("/", 1)[-1], "")


def _who(flow: Flow) -> Dict[str, object]:
    owner = flow.owner
    return {
        "user": None if owner is None else owner.user,
        "service": _service(flow),
        "flow": flow.flow,
        "puid": None if owner is None else owner.puid,
        "pid": None if owner is None else owner.pid,
        "exe": None if owner is None else owner.exe,
    }
