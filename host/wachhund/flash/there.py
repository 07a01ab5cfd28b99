"""A robot that is spoken to: as root, over a channel whose host key is pinned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wachhund.flash import installing
from wachhund.flash.bundles import MACHINES, AgentBundle
from wachhund.flash.flashing import Flash
from wachhund.flash.outcome import ARCHITECTURE, FlashRefused
from wachhund.flash.probing import Installed, Probe
from wachhund.flash.robots_words import Step
from wachhund.flash.ssh_channel import Channel
from wachhund.flash.telling import Telling
from wachhund.flash.wish import Wish


@dataclass(frozen=True)
class There:
    """What was asked for, and what was found there. `by_way`: how it is spoken to, for the record."""

    flash: Flash
    channel: Channel
    wish: Wish
    telling: Telling
    probe: Probe
    installed: Installed
    by_way: str

    @property
    def where(self) -> str:
        """The robot's address."""
        return self.channel.target.where

    def bundle(self) -> AgentBundle:
        """The one for its machine. Raises FlashRefused, MisuseError."""
        machine = self.probe.machine
        if machine not in MACHINES:
            raise FlashRefused(
                ARCHITECTURE,
                f"{self.where}: this machine is {machine}: there are no libraries for 32-bit machines; nothing was "
                "changed",
            )
        return self.flash.bundle_for(machine)

    async def run(
        self,
        bundle: AgentBundle,
        words: Sequence[str],
        on_step: Callable[[Step], None],
        token: Callable[[], str] | None = None,
    ) -> Step:
        """The installer there, with these words. Raises FlashRefused, and what `on_step` and `token` raise."""
        return await installing.run_in_turn(
            self.channel, self.flash.way.password, bundle, words, self.wish.within_s, self.telling, on_step, token
        )
