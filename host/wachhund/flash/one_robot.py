"""One robot, from its address to `verified`, to another version, or to as it was."""

import asyncio
import shlex
import time
from dataclasses import dataclass, replace

from wachhund.flash import as_root, bundles, host_side, letting_in, probing, senses_told, vendor_tunnel
from wachhund.flash.flashing import Flash
from wachhund.flash.known_robots import fingerprint
from wachhund.flash.logging_in import connected
from wachhund.flash.outcome import (
    DECLINED,
    NO_HOST,
    NOT_INSTALLED,
    NOT_VERIFIED,
    OTHER_VERSION,
    FlashRefused,
)
from wachhund.flash.robots_words import Step
from wachhund.flash.target import Target
from wachhund.flash.telling import Telling
from wachhund.flash.there import There
from wachhund.flash.whose import whose
from wachhund.flash.wish import DISABLE_TUNNEL, INSTALL, RESTORE_TUNNEL, UNINSTALL, UPDATE, Wish
from wachhund.ledger import Robot
from wachhund.ledger.roll import NEW
from wachhund.web.standing import Word, proof

_LOOK_S, _VERIFIED_S, _LOOK_AGAIN_S = 30.0, 60.0, 0.5
_WAYS_OUT = {OTHER_VERSION: "flash with --update (--older to go back)", NOT_INSTALLED: "flash without --update"}


async def flash_robot(flash: Flash, target: Target, wish: Wish, telling: Telling) -> str:
    """Do what is wished. Returns how it is now, in a sentence. Raises FlashRefused, MisuseError, LedgerError."""
    pinned = await flash.pinned(target, wish, telling)
    async with connected(target, pinned, flash.way) as channel:
        telling.line("ssh", f"{target}, its host key is {fingerprint(pinned)}")
        found = await probing.probe(channel)
        for what, how in probing.told(found, flash.clock()):
            telling.line(what, how)
        async with as_root.started(channel, flash.way.password, _LOOK_S, probing.LOOK) as running:
            running.end_input()
            installed = probing.installed(channel, await running.rest())
        where = f"root by ssh {target}, host key {fingerprint(pinned)}"
        there = There(flash, channel, wish, telling, found, installed, where)
        if wish.act in (DISABLE_TUNNEL, RESTORE_TUNNEL):
            return await vendor_tunnel.run(there)
        return await _Work(there).run()


@dataclass
class _Work:
    there: There
    robot: Robot | None = None  # of this host, whose key lies there
    ticket: letting_in.Ticket | None = None

    async def run(self) -> str:
        bundle = self.there.bundle()
        self.robot = whose(self.there.flash.host, self.there.installed, self.there.wish, self.there.where)
        self.there.telling.line("installed", self._told_installed())
        enrols = self.there.wish.act == INSTALL and (not self.there.installed.is_enrolled or self._was_cut_off())
        if enrols:
            await self._check_way_home()
        self._tell_plan(bundle, enrols)
        if self.there.wish.dry_run:
            await self._act(bundle, enrols)
            return "nothing was changed"
        if not await self.there.flash.asking.is_agreed("Go on?"):
            raise FlashRefused(DECLINED, f"{self.there.where}: nothing was changed")
        if self.there.wish.act == UNINSTALL:
            return await self._uninstall(bundle)
        await self._act(bundle, enrols)
        if self.robot is None:
            at = "at another host, which this one can't ask" if self.there.installed.is_enrolled else "nowhere yet"
            return f"{bundle.name} is in place; enrolled {at}"
        said = await self._verified(self.robot)
        await self._tell_senses()
        return said

    def _was_cut_off(self) -> bool:
        """Enrolled by an earlier flash and not accepted yet. It enrols again: a key that is shown proves nothing."""
        ticket = letting_in.kept(self.there.flash.host, self.there.wish.name)
        robot = self.robot
        return robot is not None and robot.state == NEW and ticket is not None and ticket.robot == robot.id

    def _told_installed(self) -> str:
        found = self.there.installed
        if found.version is None:
            return "a half-finished installation" if found.is_half else "nothing of Wachhund"
        if self.robot is not None:
            return f"{found.version}, {self.robot.name} here ({self.robot.state})"
        return f"{found.version}, " + ("enrolled at another host" if found.is_enrolled else "not enrolled")

    async def _check_way_home(self) -> None:
        """That a host is there, and that the robot gets to it: else it would be installed in vain."""
        host = self.there.flash.host
        await asyncio.to_thread(host_side.check_doors, host)
        reasons = await probing.unreached(self.there.channel, host.enrol)
        if reasons is not None:
            raise FlashRefused(
                NO_HOST,
                f"{self.there.where}: reaches no address of this host ({'; '.join(reasons)}): start `wachhund "
                "serve` with --name and an address in the robot's network",
            )

    def _tell_plan(self, bundle: bundles.AgentBundle, enrols: bool) -> None:
        verbs = {INSTALL: "install", UPDATE: "update to", UNINSTALL: "take away what was installed, with"}
        wish, telling = self.there.wish, self.there.telling
        telling.line("plan", f"{verbs[wish.act]} {bundle.told}")
        if wish.act == UNINSTALL:
            telling.line("", "its key, and evidence that no host has yet, are lost; the host keeps what it has")
            return
        telling.line("", "in /opt/wachhund, /var/lib/private/wachhund, a systemd unit")
        if enrols:
            telling.line("", f"enrol it as {wish.name!r} at {', '.join(self.there.flash.host.enrol)}, and accept it")

    async def _act(self, bundle: bundles.AgentBundle, enrols: bool) -> Step:
        wish = self.there.wish
        words = [wish.act]
        if wish.act != UNINSTALL:
            words += ["--within", str(wish.within_s)]
        if wish.act == UPDATE and wish.older:
            words.append("--older")
        if wish.dry_run:
            words.append("--dry-run")
        is_inviting = enrols and not wish.dry_run
        if is_inviting:
            words += ["--enrol", "-"]
        try:
            return await self.there.run(bundle, words, self._on_step, self._token if is_inviting else None)
        except FlashRefused as error:
            way_out = _WAYS_OUT.get(error.status)
            raise FlashRefused(error.status, f"{error}: {way_out}" if way_out else str(error)) from None
        finally:
            if self.ticket is not None and self.robot is None:
                letting_in.drop(
                    self.there.flash.host, self.ticket, self.there.flash.by, "flash: it did not come to enrol"
                )

    def _token(self) -> str:
        wish, flash = self.there.wish, self.there.flash
        self.ticket = letting_in.take(flash.host, wish.name, wish.replaces, flash.by, flash.clock())
        return self.ticket.text

    def _on_step(self, step: Step) -> None:
        if step.step != "enrol" or step.state != "done" or self.ticket is None:
            self.there.telling.step(step)
        else:
            # The rest of it is for people who compare words.
            self.there.telling.step(replace(step, text=step.text.split(";")[0]))
            self.robot = letting_in.accept(
                self.there.flash.host, self.ticket, step.text, self.there.flash.by, self.there.by_way
            )
            self.there.telling.line("accept", f"{self.robot.name} (robot {self.robot.id}): the six words are the same")

    async def _verified(self, robot: Robot) -> str:
        """Until this host's own word for the robot is `verified`. Raises FlashRefused when it is not in time."""
        began = time.monotonic()
        while True:
            word = _word(self.there.flash, robot.id)
            if word.word == "verified":
                self.there.telling.line("verified", f"{robot.name}: {word.reason}")
                return f"{robot.name} is verified"
            if self.there.flash.host.ledger.robot(robot.id).state == NEW:
                why = f"{robot.name}: runs; it enrolled by hand, and nobody has accepted it: `wachhund robots show` it"
                raise FlashRefused(NOT_VERIFIED, why)
            if time.monotonic() - began > _VERIFIED_S:
                why = f"{robot.name}: runs, and is {word.word} here ({word.reason}): see its page; it goes on trying"
                raise FlashRefused(NOT_VERIFIED, why)
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _tell_senses(self) -> None:
        try:
            for line in await senses_told.senses(self.there.channel, self.there.flash.way.password):
                self.there.telling.line("sense", line)
        except FlashRefused as error:  # it is installed; this is only a look
            self.there.telling.line("sense", f"could not be asked: {error}")

    async def _uninstall(self, bundle: bundles.AgentBundle) -> str:
        try:
            await self._act(bundle, False)
        except FlashRefused as error:
            if error.status != NOT_INSTALLED:
                raise
            return "nothing of Wachhund was there"
        left = "nothing of Wachhund is left there"
        if self.there.installed.has_tunnel_backup:
            left = (
                "the vendor's tunnel stays disabled there (--restore-vendor-tunnel); nothing else of Wachhund is left"
            )
        if self.robot is None:
            return left
        self.there.flash.host.ledger.note_act(
            self.robot.id, "uninstall", self.there.flash.by, f"flash ({self.there.by_way})"
        )
        name = self.robot.name
        return f"{left}; {name} stays known here: `wachhund robots retire {shlex.quote(name)}`"


def _word(flash: Flash, identity: str) -> Word:
    ledger = flash.host.ledger
    robot = ledger.robot(identity)
    return proof(ledger.newest(identity), ledger.integrity.open(identity), robot.created_t, flash.clock(), robot.state)
