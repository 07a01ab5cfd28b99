"""A host that flashes, and how it comes to know a robot's SSH host key."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from wachhund.flash import bundles, first_contact
from wachhund.flash.asking import Asking
from wachhund.flash.host_side import Host
from wachhund.flash.logging_in import Way, meet
from wachhund.flash.target import Target
from wachhund.flash.telling import Telling
from wachhund.flash.wish import Wish


@dataclass(frozen=True)
class Flash:
    """A host that flashes. `by`: who, for the robots' acts. `bundle_for`: from a machine's name to its bundle."""

    host: Host
    asking: Asking
    way: Way
    by: str
    bundle_for: Callable[[str], bundles.AgentBundle] = bundles.find
    clock: Callable[[], float] = time.time

    async def pinned(self, target: Target, wish: Wish, telling: Telling) -> str:
        """The SSH host key that the robot must show; asked for, and kept, at the first contact. Raises FlashRefused."""
        kept = self.host.known.key(target)
        shown = kept or await meet(target)
        first_contact.check(target, shown, wish.fingerprint)
        if kept is not None:
            return kept
        if wish.fingerprint is None:
            await first_contact.confirm(target, shown, self.asking, lambda said: telling.line("ssh key", said))
        self.host.known.keep(target, shown)
        return shown
