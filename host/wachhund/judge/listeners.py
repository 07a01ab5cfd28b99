"""The listeners of a robot that the judge has in mind, by port."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from wachhund.judge.reading_listeners import ListenFact
from wachhund.judge.surfaces import is_known_port
from wachhund.judge.typed import Endpoint

# Bounds against a robot that opens and never closes (or a sensor that misses ends); of ports the oldest goes first that
# is at no known control surface.
MAX_LISTENERS = 1_024
MAX_AT_PORT = 64
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104  compared with, never bound to


@dataclass(slots=True)
class Listeners:
    """One robot's listeners: port -> (address, puid) -> listener."""

    by_port: dict[int, dict[tuple[str, str | None], ListenFact]] = field(default_factory=dict)
    # Where, and the puid: not told again by a new run of the agent.
    unseen: dict[tuple[Endpoint, str | None], None] = field(default_factory=dict)

    def opened(self, fact: ListenFact) -> None:
        """A listener opened."""
        address, port = fact.local
        self.unseen.pop((fact.local, fact.puid), None)
        if port not in self.by_port and len(self.by_port) >= MAX_LISTENERS:
            # Who opens ports without end does not push out those by which visitors come in.
            unknown = (other for other in self.by_port if not is_known_port(other))
            self.by_port.pop(next(unknown, next(iter(self.by_port))))
        at_port = self.by_port.setdefault(port, {})
        if len(at_port) < MAX_AT_PORT:
            at_port[(address, fact.puid)] = fact

    def closed(self, local: Endpoint, puid: str | None) -> None:
        """A listener closed."""
        address, port = local
        at_port = self.by_port.get(port, {})
        at_port.pop((address, puid), None)
        if not at_port:
            self.by_port.pop(port, None)

    def at(self, local: Endpoint | None) -> ListenFact | None:
        """Who listens where a connection was accepted; an exact address goes before a wildcard."""
        if local is None:
            return None
        at_port = self.by_port.get(local[1], {})
        exact = [fact for (address, _), fact in at_port.items() if address == local[0]]
        wild = [fact for (address, _), fact in at_port.items() if address in WILDCARDS]
        return next(iter(exact or wild), None)

    def of(self, puids: Iterable[str]) -> list[ListenFact]:
        """Where these processes listen."""
        wanted = set(puids)
        return [fact for fact in self._every() if fact.puid in wanted]

    def agent_began(self, mono: float) -> None:
        """A new run of the agent, at that time of the robot's: what was told before counts only when told again."""
        self.unseen = {(one.local, one.puid): None for one in self._every() if one.told_mono < mono}

    def end_unseen(self) -> None:
        """Those that were not told again have closed."""
        unseen, self.unseen = self.unseen, {}
        for local, puid in unseen:
            self.closed(local, puid)

    def forget_span(self, from_t: float, to_t: float) -> None:
        """Drop what was told in a span of host time, also what is still there."""
        for told in [one for one in self._every() if from_t <= one.told_t <= to_t]:
            self.closed(told.local, told.puid)
        self.unseen.clear()

    def _every(self) -> Iterable[ListenFact]:
        return (fact for at_port in self.by_port.values() for fact in at_port.values())
