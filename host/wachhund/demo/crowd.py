"""`wachhund demo --robots N`: a fleet of simulated robots, each with keys, tokens and a connection of its own.

They are sockets of this program; the host is a real one that takes them for what they say they are.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wachhund.demo.crowd_wire import Account, CrowdWire, NotLetIn
from wachhund.demo.simulated_robot import SimulatedRobot, part_of
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.registration import agent_configuration, new_robot
from wachhund.ledger import Ledger
from wachhund.ledger.labels import Relabel
from wachhund_evidence import (
    RejectedEvidence,
    pack_message,
    public_key_pem,
    read_receipt,
    thumbprint,
)

MOST_ROBOTS = 2_000  # sockets of one process, and a broker's as many: beyond it a machine's own limits are met
EVERY_S = 10.0  # an agent's heartbeat
MOST_A_SECOND = 300  # tokens of all together: half a core for signing and checking
_AT_ONCE = 20  # that connect together
_AGAIN_S = (1.0, 2.0, 4.0)  # after which a robot that was not let in tries again
_SITES = ("Berlin", "Hamburg", "Leipzig", "München", "Köln")
_TAGS = ("lab", "leased", "outdoor")


@dataclass(frozen=True)
class Member:
    """One robot of the crowd: what it says, and what the broker asks it for."""

    robot: SimulatedRobot
    account: Account

    @property
    def topic(self) -> str:
        return f"wachhund/1/{self.account.username}"


def register(data: Path, count: int) -> list[Member]:
    """Put robots on the host's roll, with sites and tags. Raises MisuseError, LedgerError."""
    folder = DataFolder(data).make()
    keys = HostKeys.load_or_create(folder)
    members = []
    with closing(Ledger.open(folder.ledger)) as ledger:
        for number in range(count):
            robot = SimulatedRobot("", part_of(number), number)
            row, credentials = new_robot(f"go1-{number + 1:04}", public_key_pem(robot.key.public_key()), keys)
            ledger.add_robot(row, "the demo")
            site, tag = _SITES[number * len(_SITES) // count], _TAGS[number % len(_TAGS)]
            ledger.labels.change([row.id], Relabel(site, (tag,)), "the demo")
            config = agent_configuration(row, credentials, keys, "")
            robot.nonce = config["nonce"]
            members.append(Member(robot, Account(config["client_id"], config["username"], config["password"])))
    return members


def play(
    members: Sequence[Member], data: Path, port: int, until: Callable[[], bool], say: Callable[[str], None],
    every_s: float = EVERY_S,
) -> None:  # fmt: skip
    """Let them speak until `until` holds, looked at each second. Each says something every `every_s` seconds or less
    often, so that all together stay below MOST_A_SECOND."""
    keys = HostKeys.load_or_create(DataFolder(data))
    host_keys = {thumbprint(keys.key.public_key()): keys.key.public_key()}
    asyncio.run(_Crowd(members, port, host_keys, max(every_s, len(members) / MOST_A_SECOND), say).play(until))


class _Crowd:
    def __init__(
        self, members: Sequence[Member], port: int, host_keys: dict[str, Ed25519PublicKey], every_s: float,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._members, self._port, self._host_keys, self._every_s, self._say = members, port, host_keys, every_s, say
        self._random = random.Random(len(members))  # noqa: S311  when who speaks: no secret
        self.sent = 0

    async def play(self, until: Callable[[], bool]) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = []
            for start in range(0, len(self._members), _AT_ONCE):
                part = self._members[start : start + _AT_ONCE]
                wires = await asyncio.gather(*(self._enter(member) for member in part))
                for member, wire in zip(part, wires, strict=True):
                    if wire is not None:
                        tasks += [group.create_task(one(member, wire)) for one in (self._speak, self._listen)]
            self._say(f"crowd: {len(tasks) // 2} of {len(self._members)} robots came in")
            began = time.monotonic()
            while not until():
                await asyncio.sleep(1.0)
            self._say(f"crowd: {self.sent} tokens in {time.monotonic() - began:.0f} s")
            for task in tasks:
                task.cancel()

    async def _enter(self, member: Member) -> CrowdWire | None:
        why: Exception | None = None
        for pause in _AGAIN_S:
            try:
                return await CrowdWire.connect(self._port, member.account, f"{member.topic}/receipt")
            except (NotLetIn, OSError, EOFError, TimeoutError) as error:
                why = error
                await asyncio.sleep(pause)
        self._say(f"crowd: {why}")
        return None

    async def _speak(self, member: Member, wire: CrowdWire) -> None:
        # Not all at once, as no fleet that was switched on by hand.
        await asyncio.sleep(self._random.uniform(0, self._every_s))
        try:
            while not member.robot.is_quiet:
                await wire.send(f"{member.topic}/evidence", pack_message(member.robot.next_token()))
                self.sent += 1
                await asyncio.sleep(self._every_s)
        except OSError as error:
            self._say(f"crowd: {member.account.username}: {error}")
        finally:
            if member.robot.is_quiet:
                wire.close()

    async def _listen(self, member: Member, wire: CrowdWire) -> None:
        with suppress(EOFError, OSError):
            while True:
                text = (await wire.hear()).decode("ascii", "replace")
                with suppress(RejectedEvidence):
                    member.robot.nonce = read_receipt(text, self._host_keys, member.robot.ueid).nonce
