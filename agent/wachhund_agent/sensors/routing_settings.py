"""How this robot routes: where everything is sent, and whether and where it passes on what is not its own.

Forwarding is read from /proc/sys, NAT and the rules that lead connections on from nf_tables and ip_tables (nat,
port_forwards); the routes are handed in.
"""

import socket
from typing import Any, Dict, Iterable, List, Optional

from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.interface_files import read_number
from wachhund_agent.kernel.rtnetlink import MAIN_TABLE, RouteRecord
from wachhund_agent.sensors.nat import FORWARDS_KEPT, Nat
from wachhund_agent.sensors.port_forwards import PortForwards
from wachhund_evidence import Observation

EACH_S = 1.0  # a setting is told of at most this often; what it was in between is not told
_HALVES = {socket.AF_INET: ("0.0.0.0/1", "128.0.0.0/1"), socket.AF_INET6: ("::/1", "8000::/1")}
_EVERYWHERE = {socket.AF_INET: "0.0.0.0/0", socket.AF_INET6: "::/0"}
_FORWARDING = (("ipv4", "ipv4/ip_forward"), ("ipv6", "ipv6/conf/all/forwarding"))


def default_route(routes: Iterable[RouteRecord], names: Dict[int, str]) -> Optional[str]:
    """Where packets to nowhere special go, "eth0 via 192.168.1.1" or "ppp0": IPv4's, else IPv6's; None: nowhere.

    Two halves lie over a whole, as some VPNs do it. Only the main table: which packets go by another is not known.
    """
    main = [route for route in routes if route.table == MAIN_TABLE]
    for family in (socket.AF_INET, socket.AF_INET6):
        halves = [[route for route in main if route.destination == half] for half in _HALVES[family]]
        best = halves[0] if all(halves) else [route for route in main if route.destination == _EVERYWHERE[family]]
        if best:
            route = min(best, key=lambda found: found.metric)
            name = names.get(route.ifindex, "link {}".format(route.ifindex))
            return name if route.gateway is None else "{} via {}".format(name, route.gateway)
    return None


class RoutingSettings:
    """Kind: `config.state` (ip-forwarding, nat, port-forward, default-route). `proc`: where /proc is."""

    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._nat = Nat(proc)
        self._nat_on: Optional[bool] = None
        self._port_forwards = PortForwards()
        self._forwarding: Optional[Dict[str, bool]] = None  # by address family; None: can't be read
        self._said: Dict[str, Dict[str, Any]] = {}
        self._told_at: Dict[str, float] = {}

    def fds(self) -> List[int]:
        """Descriptors that call when something changed."""
        return self._nat.fds()

    def close(self) -> None:
        self._nat.close()

    @property
    def why(self) -> Optional[str]:
        """What is not seen, in words; None when all is."""
        return self._nat.why

    @property
    def left_out(self) -> Optional[str]:
        """What is seen and not told, in words; None when all is."""
        if not self._nat.overflow:
            return None
        return "more than {} rules lead connections on: {} are not told".format(FORWARDS_KEPT, self._nat.overflow)

    def look(self) -> bool:
        """Read them anew. Whether one is another than before, or still to be told."""
        before = self._forwarding, self._nat_on
        on = {}
        for family, path in _FORWARDING:
            value = read_number("{}/sys/net/{}".format(self._proc, path))
            if value is not None:
                on[family] = value != 0
        self._forwarding = on or None
        self._nat_on = self._nat.look()
        return before != (self._forwarding, self._nat_on) or self._port_forwards.differ(self._nat.forwards)

    def changes(
        self, routes: Iterable[RouteRecord], names: Dict[int, str], mono: float, sensor: str, existing: bool
    ) -> List[Observation]:
        """Those that are not as they were told. `names`: of the links by their index."""
        on = self._forwarding
        now: Dict[str, Dict[str, Any]] = {
            "ip-forwarding": {"value": None if on is None else any(on.values())},
            "nat": {"value": self._nat_on},
            "default-route": {"value": default_route(routes, names)},
        }
        if on is not None:
            now["ip-forwarding"]["families"] = sorted(family for family, is_on in on.items() if is_on)
        found = []
        for name, fields in now.items():
            if self._said.get(name) == fields or mono - self._told_at.get(name, float("-inf")) < EACH_S:
                continue
            self._said[name] = fields
            self._told_at[name] = mono
            more = {"existing": True} if existing else {}
            found.append(Observation("config.state", wall(mono), mono, sensor, dict(fields, name=name, **more)))
        return found + self._port_forwards.changes(self._nat.forwards, mono, sensor, existing)
