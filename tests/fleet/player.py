"""One process of a fleet: its part of the robots in one event loop. `python -m tests.fleet part PLAN ROBOTS OUT`.

Prints one JSON object a line: {"in": ...} when all came in or patience was over, {"begun": PHASE}, {"second": ...} each
second, {"result": ...} at the end. Begins when a line comes on standard input.
"""

import asyncio
import functools
import json
import random
import resource
import ssl
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from tests.fleet import records, scenes
from tests.fleet.direct import Direct, DirectWire
from tests.fleet.member import Member, Waiting
from tests.fleet.plan import NOISE, Plan, Robot, wrong_clock
from tests.fleet.registering import key_of
from tests.fleet.scenes import Attack
from tests.fleet.wire import Wire
from wachhund_agent.way_home import WayHome
from wachhund_evidence import Observation, load_public_key_pem, thumbprint

_AT_ONCE = 100  # handshakes, while they come in
_TURN_S = 5.0  # after which the next one begins its own
_SWEEPS = 10  # each looks at as large a part of the robots, each second another
_PER_SOURCE = 20_000  # connections of one address to one door: 28,000 ports
_ATTACKERS_JOURNAL = 512
_LATE = 0xFF


class Outage:
    """From the first connection lost until all robots were connected, and had receipts, again. Monotonic seconds."""

    def __init__(self, now: float, connected: int) -> None:
        self.began, self.lowest = now, connected
        self.all_connected: float | None = None

    def told(self, offset: float, ended: float | None) -> dict[str, float | None]:
        """Seconds from its begin; `began_t` in Unix seconds."""
        connected = None if self.all_connected is None else self.all_connected - self.began
        green = None if ended is None else ended - self.began
        return {
            "began_t": self.began + offset,
            "lowest": self.lowest,
            "all_connected_s": connected,
            "all_green_s": green,
        }


class Playing:
    """One robot at its work."""

    __slots__ = ("_player", "_way", "came_at", "is_gone", "is_silent", "is_speaking", "member", "robot", "wire")

    def __init__(self, player: "Player", robot: Robot, member: Member) -> None:
        self._player, self.robot, self.member = player, robot, member
        self.wire: Wire | DirectWire | None = None
        self._way: WayHome | None = None
        self.came_at = 0.0
        self.is_gone = self.is_silent = self.is_speaking = False

    def connect(self) -> None:
        """Begin to."""
        self._player.begin(self._connect())

    async def _connect(self) -> None:
        player = self._player
        place = 0 if self._way is None else self._way.place
        host, port = player.plan.brokers[(self.robot.number + place) % len(player.plan.brokers)]
        wire = self.wire = Wire(self, self.robot.id, self.robot.client_id, self.robot.password)
        source = None
        if host == "127.0.0.1":
            source = (f"127.0.0.{1 + player.place_of(self) // _PER_SOURCE}", 0)
        try:
            context = player.tls_of(self.robot)
            name = host if context is not None else None
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: wire, host, port, ssl=context, server_hostname=name, local_addr=source)
        except OSError as error:
            self.wire = None
            self._failed(type(error).__name__, by_host=False)

    def came_in(self) -> None:
        """The broker took it."""
        if self._way is not None:
            self._way.worked()
        self.came_at = time.monotonic()
        if self.wire is not None:
            self.member.connected(self.wire, time.time())
        self._player.came_in(self)

    def heard(self, payload: bytes) -> None:
        """A receipt."""
        self._player.receipts += 1
        odd = self.member.heard(payload)
        if odd is not None:
            self._player.odd[odd] += 1
        if not self.member.is_green and self.member.is_over_the_cut():
            self.member.is_green = True
            self._player.became_green(self)

    def lost(self, why: str) -> None:
        """The connection ended, or never came about."""
        self.wire = None
        was_in = self.came_at > 0.0
        was_green = self.member.is_green
        stood_s, self.came_at = time.monotonic() - self.came_at, 0.0
        self.member.disconnected()
        if was_in:
            self._player.lost(self, why, was_green)
        if self.is_gone or self._player.is_over:
            return
        if was_in:
            self._again(self._aim().lost(stood_s))
        else:
            self._failed(why, by_host=True)

    def _failed(self, why: str, by_host: bool) -> None:
        self._player.failures[why] += 1
        if not self.is_gone and not self._player.is_over:
            self._again(self._aim().failed(by_host))

    def _aim(self) -> WayHome:
        if self._way is None:  # as the agent's (mqtt_wire), made when it is needed: most never lose anything
            first_s, last_s = 1.0 + random.random(), 60.0 * random.uniform(0.5, 1.0)
            self._way = WayHome(len(self._player.plan.brokers), first_s, last_s)
        return self._way

    def _again(self, wait_s: float) -> None:
        asyncio.get_running_loop().call_later(wait_s, self.connect)

    def speak(self, due: float) -> None:
        """A token, and the next one when it is time."""
        player = self._player
        if player.is_over or self.is_silent:
            return
        now = time.monotonic()
        player.lag.append(now - due)
        plan, member = player.plan, self.member
        if member.robot.seq == 0:
            told = member.start()
        elif plan.load == NOISE and self.robot.number not in player.attacked:
            told = member.noise(plan.in_a_token)
        else:
            told = member.heartbeat()
        player.made(member.tell(told, player.phase))
        due = max(due + plan.every_s, now)
        asyncio.get_running_loop().call_at(due, self.speak, due)


class Player:
    """The robots of one process."""

    def __init__(self, plan: Plan, robots: Sequence[Robot], out: BinaryIO) -> None:
        self.plan, self._out = plan, out
        host_key = load_public_key_pem(plan.host_key.encode("ascii"))
        self._host_keys = {thumbprint(host_key): host_key}
        self._offset = time.time() - time.monotonic()
        attackers = {one.number for one in plan.attacks}
        self._rss_before = _rss()
        self.playing = [Playing(self, robot, self._member(robot, robot.number in attackers)) for robot in robots]
        self._rss_made = _rss()
        self._places = {one.robot.number: place for place, one in enumerate(self.playing)}
        self.attacked: set[int] = set()
        self.attacks: list[tuple[dict[str, Any], dict[str, Waiting]]] = []
        self.phase = _LATE
        self.is_over = False
        self.odd, self.failures, self.losses = Counter[str](), Counter[str](), Counter[str]()
        self.tokens = self.receipted = self.connected = self.green = self.connects = self.receipts = 0
        self.lag = array("f")
        self._silent = set(plan.silent)
        self._expected, self._expected_green = len(robots), sum(one.number not in self._silent for one in robots)
        self._outage: Outage | None = None
        self._left_t = 0.0  # when they said goodbye
        self._outages: list[dict[str, float | None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._direct: Direct | None = None

    def _member(self, robot: Robot, attacks: bool) -> Member:
        plan = self.plan
        key = key_of(plan.seed, robot.number)
        kind = plan.clocks.get(robot.number)
        clock: Callable[[], float] = time.time
        if kind is not None:
            clock = lambda: wrong_clock(kind, plan.seed, robot.number, time.time())  # noqa: E731
        bound = _ATTACKERS_JOURNAL if attacks else plan.journal
        chance = scenes.shuffled(robot.number, plan.seed)
        cursor = chance.randrange(len(scenes.noise()))
        receipted: Callable[[Waiting], None] = lambda one: self._receipted(robot.number, one)  # noqa: E731
        return Member(key, robot.nonce, clock, self._host_keys, bound, cursor, receipted)

    def begin(self, work: Any) -> None:
        """Have a task done, and hold it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def place_of(self, one: Playing) -> int:
        """Its place among the robots of this process."""
        return self._places[one.robot.number]

    def tls_of(self, robot: Robot) -> ssl.SSLContext | None:
        """What it shows and trusts."""
        if self.plan.tls is None:
            return None
        folder = Path(self.plan.tls)
        context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
        context.load_cert_chain(folder / f"{robot.number}.pem")
        return context

    # What robots tell

    def came_in(self, one: Playing) -> None:
        self.connected += 1
        self.connects += 1
        if not one.is_speaking and not one.is_silent:
            one.is_speaking = True
            due = time.monotonic() + random.uniform(0.0, self.plan.every_s)
            asyncio.get_running_loop().call_at(due, one.speak, due)
        if self._outage is not None and self.connected >= self._expected:
            self._outage.all_connected = time.monotonic()

    def became_green(self, one: Playing) -> None:
        self.green += one.robot.number not in self._silent
        if self._outage is not None and self.green >= self._expected_green and self._outage.all_connected is not None:
            self._outages.append(self._outage.told(self._offset, time.monotonic()))
            self._outage = None

    def lost(self, one: Playing, why: str, was_green: bool) -> None:
        self.connected -= 1
        self.losses[why] += 1
        self.green -= was_green and one.robot.number not in self._silent
        if one.is_gone or self.is_over:
            return
        if self._outage is None:
            self._outage = Outage(time.monotonic(), self.connected)
        self._outage.lowest = min(self._outage.lowest, self.connected)
        self._outage.all_connected = None

    def made(self, one: Waiting | None) -> None:
        self.tokens += one is not None

    def _receipted(self, number: int, one: Waiting) -> None:
        self.receipted += 1
        self._write(number, one, time.time())

    def _write(self, number: int, one: Waiting, t: float) -> None:
        chain = self.playing[self._places[number]].member.robot.chain
        row = records.TokenRow(number, one.seq, one.tries, one.phase, one.made_t, one.sent_t, t, chain, one.hash)
        records.write(self._out, row)

    # The play

    async def play(self) -> dict[str, Any]:
        """All of it. Returns what came of it."""
        began = time.monotonic()
        await self._enter()
        came_s = time.monotonic() - began
        _say({"in": {"connected": self.connected, "of": len(self.playing), "s": came_s, "rss_bytes": _rss()}})
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        beside = [asyncio.create_task(one) for one in (self._sweep(), self._tell_seconds())]
        start = time.monotonic()
        for attack in self.plan.attacks:
            if attack.number in self._places:
                self._at(start + attack.at_s, functools.partial(self._begin_attack, attack))
        for at in self.plan.storms:
            self._at(start + at, self._storm)
        if self._silent:
            self._at(start + self.plan.silent_at_s, self._fall_silent)
        for place, (name, seconds) in enumerate(self.plan.phases):
            self.phase = place
            _say({"begun": name, "t": time.time()})
            await asyncio.sleep(seconds)
        self.phase = _LATE
        rss = _rss()
        await self._end()
        for task in beside:
            task.cancel()
        return self._result(came_s, rss)

    async def _enter(self) -> None:
        if self.plan.direct is not None:
            self._direct = await Direct.connect(self.plan.direct, {one.robot.id: one for one in self.playing})
            for one in self.playing:
                one.wire = self._direct.wire(one.robot.id)
                one.came_in()
        elif self.plan.join_s:
            for place, one in enumerate(self.playing):
                wait_s = self.plan.join_s * place / len(self.playing)
                asyncio.get_running_loop().call_later(wait_s, one.connect)
        else:
            waiting = iter(self.playing)
            for _ in range(_AT_ONCE):
                self.begin(self._enter_some(waiting))
        until = time.monotonic() + self.plan.join_s + self.plan.connect_patience_s
        sweeping = asyncio.create_task(self._sweep())
        while self.connected < self._expected and time.monotonic() < until:
            await asyncio.sleep(0.05)
        sweeping.cancel()

    async def _enter_some(self, waiting: Iterator[Playing]) -> None:
        for one in waiting:
            one.connect()
            until = time.monotonic() + _TURN_S
            while one.came_at == 0.0 and time.monotonic() < until:
                await asyncio.sleep(0.02)

    def _at(self, when: float, what: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_at(when, what)

    def _storm(self) -> None:
        for one in self.playing:
            if one.wire is not None:
                one.wire.cut("storm")

    def _fall_silent(self) -> None:
        for one in self.playing:
            if one.robot.number in self._silent:
                one.is_silent = True
                one.is_gone = one.robot.number % 2 == 1
                self._expected -= one.is_gone
                if one.is_gone and one.wire is not None:
                    one.wire.cut("silent")

    def _begin_attack(self, attack: Attack) -> None:
        self.begin(self._attack(attack))

    async def _attack(self, attack: Attack) -> None:
        """Switched on again, the robot tells a scene as its agent did; afterwards it only says that it lives."""
        one = self.playing[self._places[attack.number]]
        self.attacked.add(attack.number)
        member, observations = one.member, scenes.told(attack.scene)
        member.robot.boot()
        booted, start = member.robot.mono, time.monotonic()
        begins = observations[0].mono
        told: dict[str, Any] = {"number": attack.number, "robot": one.robot.id, "scene": attack.scene, "tokens": 0}
        decisive: dict[str, Waiting] = {}
        self.attacks.append((told, decisive))
        clock = self.plan.clocks.get(attack.number)
        told["clock"] = clock or "right"
        for due, places in scenes.parts(observations, 0.5):
            await asyncio.sleep(max(0.0, start + due - time.monotonic()))
            now, mono = member.robot.clock(), member.robot.mono
            seen = []
            for place in places:
                at = booted + observations[place].mono - begins
                t = now - (mono - at)
                one_of = observations[place]
                seen.append(Observation(one_of.kind, t, round(at, 6), one_of.sensor, one_of.fields))
            made = member.tell(seen, self.phase)
            self.made(made)
            if made is None:
                told["held_back"] = True
                continue
            told["tokens"] += 1
            for name, place in (("first", attack.first), ("whole", attack.whole)):
                if place in places:
                    decisive[name] = made
        told["told_s"] = time.monotonic() - start

    async def _end(self) -> None:
        """Nobody speaks any more; wait for what is on its way, and say goodbye."""
        self.is_over = True
        until = time.monotonic() + self.plan.end_patience_s
        while any(one.member.journal for one in self.playing if not one.is_silent) and time.monotonic() < until:
            await asyncio.sleep(0.1)
        self._left_t = time.time()
        for one in self.playing:
            for waiting in one.member.journal.values():
                self._write(one.robot.number, waiting, 0.0)
            if isinstance(one.wire, Wire):
                one.wire.leave()
        await asyncio.sleep(0.5)
        if self._direct is not None:
            await self._direct.close()
        self._out.flush()

    async def _sweep(self) -> None:
        """Keep alive what is idle, and send again what had no receipt."""
        for turn in range(sys.maxsize):
            now = time.monotonic()
            for one in self.playing[turn % _SWEEPS :: _SWEEPS]:
                if one.member.journal:
                    one.member.again(now)
                if isinstance(one.wire, Wire):
                    one.wire.ping_if_idle(now)
            await asyncio.sleep(1.0)

    async def _tell_seconds(self) -> None:
        while True:
            _say({"second": {
                "t": time.time(), "connected": self.connected, "green": self.green, "made": self.tokens,
                "receipted": self.receipted, "waiting": sum(len(one.member.journal) for one in self.playing),
            }})  # fmt: skip
            await asyncio.sleep(1.0)

    def _result(self, came_s: float, rss: int) -> dict[str, Any]:
        if self._outage is not None:
            self._outages.append(self._outage.told(self._offset, None))
        used = resource.getrusage(resource.RUSAGE_SELF)
        lag = sorted(self.lag)
        members = [one.member for one in self.playing]
        return {
            "robots": len(members),
            "came_in_s": came_s,
            "left_t": self._left_t,
            "connects": self.connects,
            "made": self.tokens,
            "receipted": self.receipted,
            "receipts": self.receipts,
            "unanswered": sum(len(member.journal) for member in members),
            "held_back": sum(member.held_back for member in members),
            "odd_receipts": dict(self.odd),
            "failed_connects": dict(self.failures),
            "lost_connections": {why: count for why, count in self.losses.items() if why != "left"},
            "outages": self._outages,
            "attacks": [_told_of(told, decisive) for told, decisive in self.attacks],
            "late_s": {"median": lag[len(lag) // 2], "p99": lag[len(lag) * 99 // 100], "max": lag[-1]} if lag else None,
            "bytes_a_robot": (self._rss_made - self._rss_before) / max(1, len(members)),
            "bytes_a_connected_robot": (rss - self._rss_before) / max(1, len(members)),
            "rss_bytes": rss,
            "cpu_s": used.ru_utime + used.ru_stime,
        }


def _told_of(told: dict[str, Any], decisive: dict[str, Waiting]) -> dict[str, Any]:
    """With its tokens as they are by now: one that was made in an outage left later."""
    return {
        **told,
        **{name: {"seq": one.seq, "made_t": one.made_t, "sent_t": one.sent_t} for name, one in decisive.items()},
    }


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _say(told: dict[str, Any]) -> None:
    print(json.dumps(told), flush=True)


def raise_limits() -> None:
    """As many open files as this process may have; as root more than it was given."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (200_000, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))
            return
        except (ValueError, OSError):
            continue


def run(plan: Plan, robots: Sequence[Robot], out: Path) -> None:
    """Play a part, and print what came of it."""
    raise_limits()
    with out.open("wb") as stream:

        async def played() -> dict[str, Any]:
            return await Player(plan, robots, stream).play()

        result = asyncio.run(played())
    _say({"result": result})
