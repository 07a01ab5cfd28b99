"""Rules of the robot's firewall that lead connections on to somewhere else: which came, which went."""

from typing import Any, Dict, List, Sequence

from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.nat_rules import SOME, Forward
from wachhund_evidence import Observation

TOLD_A_LOOK = 32  # the rest waits for the next look


def words(forward: Forward) -> str:
    """A rule in words, such as "tcp 2280 on ppp0 to 192.168.123.13:22"."""
    ports = {None: "any port", SOME: "some ports"}.get(forward.port, forward.port)
    what = "{} {}".format(forward.proto or "any", ports)
    links = {None: "", SOME: " on some links"}
    by = links.get(forward.interface, " on {}".format(forward.interface))
    where = "somewhere else" if forward.to is None else forward.to or "this robot"
    where = "[{}]".format(where) if ":" in where else where
    return "{}{} to {}{}".format(what, by, where, "" if forward.to_port is None else ":{}".format(forward.to_port))


class PortForwards:
    """Says what changed, each rule once however often it stands there."""

    def __init__(self) -> None:
        self._said: Dict[str, Forward] = {}

    def changes(self, now: Sequence[Forward], mono: float, sensor: str, existing: bool) -> List[Observation]:
        """`config.state` with the name `port-forward` for each rule that came or went."""
        standing = {words(forward): forward for forward in now}
        came = [(what, forward, True) for what, forward in standing.items() if what not in self._said]
        went = [(what, forward, False) for what, forward in self._said.items() if what not in standing]
        found = []
        for what, forward, value in (went + came)[:TOLD_A_LOOK]:
            if value:
                self._said[what] = forward
            else:
                del self._said[what]
            fields: Dict[str, Any] = {
                "name": "port-forward",
                "value": value,
                "what": what,
                "proto": forward.proto,
                "interface": forward.interface,
                "port": forward.port,
                "to": None if not forward.to else [forward.to, forward.to_port],
            }
            if existing:
                fields["existing"] = True
            found.append(Observation("config.state", wall(mono), mono, sensor, fields))
        return found

    def differ(self, now: Sequence[Forward]) -> bool:
        """Whether something is still to be told."""
        return self._said.keys() != {words(forward) for forward in now}
