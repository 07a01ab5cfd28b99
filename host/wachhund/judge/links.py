"""The network interfaces that a robot has now, as the judge has them in mind. What they mean: `interfaces`."""

import hashlib
from dataclasses import dataclass, field, replace

from wachhund.judge.flows import Flow
from wachhund.judge.reading_links import LinkFact

MAX_LINKS = 256  # as many as an agent tells


@dataclass(slots=True)
class Links:
    """One robot's interfaces by name."""

    by_name: dict[str, LinkFact] = field(default_factory=dict)

    def told(self, fact: LinkFact) -> LinkFact | None:
        """An interface as it is now. Returns how it was before."""
        before = self.by_name.pop(fact.name, None) or self.by_name.pop(_nameless(fact.name), None)
        if not fact.gone:
            if len(self.by_name) >= MAX_LINKS:
                # Who makes links without end does not push out the one by which he comes in.
                others = (name for name, link in self.by_name.items() if not link.leads_away)
                self.by_name.pop(next(others, next(iter(self.by_name))))
            self.by_name[fact.name] = fact
        return before

    def tunnel_of(self, flow: Flow) -> LinkFact | None:
        """The tunnel interface by which a connection from outside came. By a modem somebody from the internet comes
        straight; who has a local network's address there came through one.
        """
        told = flow.fact
        if told.direction == "through":  # it only crosses the robot, which has no end of it
            here, there = "", told.source[0] if told.source is not None else None
            is_local = told.source_scope == "lan"
        else:
            here, there = told.local[0] if told.local else "", told.remote[0] if told.remote and told.local else None
            is_local = told.scope == "lan"
        if there is None:
            return None
        able = (link for link in self.by_name.values() if link.is_tunnel or (is_local and link.leads_away))
        return next((link for link in able if link.carries(here, there)), None)

    def forget_span(self, from_t: float, to_t: float) -> None:
        """Forget what may be a person's: who is at the other ends, and the names that were told in a span of host time.

        An interface is the robot's, and what comes by it is still to be known.
        """
        links, self.by_name = self.by_name, {}
        for link in links.values():
            of_it = from_t <= link.told_t <= to_t
            name = _nameless(link.name) if of_it else link.name
            self.by_name[name] = replace(link, name=name, endpoints=(), holders=())


def _nameless(link: str) -> str:
    """How an interface is called whose name was erased: it is known again when it is told of."""
    return f"erased-{hashlib.sha256(link.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
