"""A host that flashes, and how it comes to know a robot's SSH host key."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from wachhund.flash import bundles
from wachhund.flash.asking import Asking
from wachhund.flash.host_side import Host
from wachhund.flash.known_robots import fingerprint
from wachhund.flash.logging_in import Way, meet
from wachhund.flash.outcome import UNKNOWN_KEY, FlashRefused
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
        found = fingerprint(shown)
        if wish.fingerprint is not None and wish.fingerprint != found:
            raise FlashRefused(UNKNOWN_KEY, f"{target.where}: its SSH host key is {found}, not {wish.fingerprint}")
        if kept is not None:
            return kept
        if wish.fingerprint is None:
            telling.line("ssh key", f"{target.where} shows {found}, seen for the first time")
            # --yes is no answer to this: it would be one to somebody in between, too.
            if not await self.asking.is_agreed("Is it this robot's?", in_any_case=True):
                raise FlashRefused(
                    UNKNOWN_KEY,
                    f"{target.where}: its SSH host key was not confirmed: compare {found} with `ssh-keygen -lf` on the "
                    "robot, then answer y, or give --fingerprint",
                )
        self.host.known.keep(target, shown)
        return shown
