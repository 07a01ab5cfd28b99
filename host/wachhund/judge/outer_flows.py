"""Which processes hold connections to the outside, found without a look at the thousands they may hold within."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

OUTSIDE = ("lan", "internet")  # scopes (protocol.md, `flow.open`)
# Of one process, the newest: whoever is behind it came last before what he did. Each origin is traced through these.
MAX_LOOKED_AT = 64


@dataclass(slots=True)
class OuterFlows:
    """Owner (puid) -> flows, in the order in which they were told. Of the flows in mind, so it needs no bound."""

    by_owner: dict[str, dict[str, None]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)

    def told(self, flow: str, scope: str | None, puid: str | None) -> None:
        """A flow as it is known now."""
        owner = puid if scope in OUTSIDE else None
        if self.owners.get(flow) != owner:
            self.drop(flow)
        if owner is not None:
            self.owners[flow] = owner
            self.by_owner.setdefault(owner, {})[flow] = None

    def drop(self, flow: str) -> None:
        """A flow is in mind no more."""
        owner = self.owners.pop(flow, None)
        if owner is not None:
            owned = self.by_owner[owner]
            owned.pop(flow, None)
            if not owned:
                del self.by_owner[owner]

    def of(self, puid: str) -> Iterator[str]:
        """The newest MAX_LOOKED_AT of a process, oldest first."""
        newest = list(itertools.islice(reversed(self.by_owner.get(puid, {})), MAX_LOOKED_AT))
        return reversed(newest)
