"""`wachhund-agent run`: observe, sign, keep, report.

Three threads with one direction: senses (main) -> a bounded queue -> attester and uplink (worker) -> paho's network
thread. The senses never wait for the disk or the network.
"""

import argparse
import hashlib
import os
import signal
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any, Callable, Deque, Dict, List, NamedTuple, Optional, Tuple

from wachhund_agent.attester import Attester, gap_note, is_of_interest, lost_note, note
from wachhund_agent.boot_seed import boot_seed
from wachhund_agent.budget import Usage, usage
from wachhund_agent.config import Config, Limits, load
from wachhund_agent.delivery import Held
from wachhund_agent.drill import DailyDrill
from wachhund_agent.host_key import HostKey
from wachhund_agent.identity import load_key
from wachhund_agent.journal import Journal, JournalError
from wachhund_agent.kernel import clock
from wachhund_agent.kernel.addresses import leaves_over_modem
from wachhund_agent.mqtt_wire import MqttWire
from wachhund_agent.own_files import given_places
from wachhund_agent.own_words import ANEW, ASKED, code_hash, how_it_ended, start_note, stop_note
from wachhund_agent.privileges import Privileges
from wachhund_agent.profile import choose
from wachhund_agent.run_mark import only_agent
from wachhund_agent.senses import Setup
from wachhund_agent.sensing import Sensing
from wachhund_agent.service import Service
from wachhund_agent.trial import Trial
from wachhund_agent.uplink import Uplink
from wachhund_agent.yielding import Yielding
from wachhund_evidence import Observation, WachhundError

_TURN_S = 1.0  # re-sending is looked at this often while nothing is observed; receipts wake the worker
EXIT_BEGIN_ANEW = 75  # the service manager starts us again, with the privileges that opening takes (EX_TEMPFAIL)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "run",
        help="observe, sign and report to the host",
        description="Observe this machine, sign what was seen, keep it in the journal and report it to the host.",
    )
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="what `wachhund robots add NAME --out FILE` wrote"
    )
    parser.add_argument(
        "--trial", type=Path, metavar="FILE", help="what an installer wrote that wants to see this verified in time"
    )
    parser.set_defaults(run=run)


def say(line: str) -> None:
    """One line for the person who looks at the agent's log."""
    print("wachhund-agent: {}".format(line), file=sys.stderr, flush=True)


class Queue:
    """Between senses and attester. Bounded: what finds it full is counted, and the count becomes evidence."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: Deque[Observation] = deque()
        self._changed = threading.Condition()
        self._lost = 0
        self._urgent = False
        self._closed = self._woken = False

    def put(self, observations: List[Observation]) -> None:
        """Never blocks for longer than the worker takes to look."""
        with self._changed:
            room = self._size - len(self._items)
            self._items.extend(observations[:room])
            self._lost += max(0, len(observations) - room)
            if not self._urgent and any(is_of_interest(observation) for observation in observations):
                self._urgent = True
                self._changed.notify()

    def wait(self, seconds: float, known: bool = False) -> bool:
        """Wait until something of interest came or `wake` was called, at most so long. Returns whether something came.

        `known`: that something came is no news any more and ends no wait.
        """
        with self._changed:
            if (known or not self._urgent) and not self._woken and seconds > 0:
                self._changed.wait(seconds)
            self._woken = self._closed
            return self._urgent

    def wake(self) -> None:
        """End a wait, from any thread: something else is to be looked at."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def take(self) -> Tuple[List[Observation], int]:
        """Everything, and how many were lost since the last time."""
        with self._changed:
            items, lost = list(self._items), self._lost
            self._items.clear()
            self._lost, self._urgent = 0, False
            return items, lost

    def close(self) -> None:
        with self._changed:
            self._closed = self._woken = True
            self._changed.notify()

    def __len__(self) -> int:
        return len(self._items)


class Worker:
    """Takes observations in batches, signs and keeps them, and lets the uplink send and hear."""

    def __init__(
        self,
        queue: Queue,
        attester: Attester,
        journal: Journal,
        uplink: Uplink,
        limits: Limits,
        on_modem: Callable[[], bool] = leaves_over_modem,
        mono: Callable[[], float] = clock.mono,
        cost: Callable[[], Usage] = usage,
    ) -> None:
        self._on_modem, self._mono, self._cost = on_modem, mono, cost
        self._drill = DailyDrill(limits.drill_first_s, limits.drill_every_s, mono())
        self._slow = False
        self._next_route = float("-inf")
        self._queue, self._attester, self._journal, self._uplink, self._limits = (
            queue,
            attester,
            journal,
            uplink,
            limits,
        )
        uplink.wire.on_news = queue.wake
        self._last_token = self._last_beat = float("-inf")
        self._urgent_since: Optional[float] = None
        self._newest = journal.receipt  # the host's last word, to be shown when a connection begins
        self._next_kept = float("-inf")
        self._host_kid: Optional[str] = None
        self._said: Optional[str] = None
        self._stopping = threading.Event()
        self.stop_reason = ASKED
        self.on_turn: Callable[[float], None] = lambda now: None  # a WachhundError of it ends the agent
        self.on_verified: Callable[[], None] = lambda: None  # the host took what we said
        self.failure: Optional[BaseException] = None

    def stop(self) -> None:
        self._stopping.set()
        self._queue.close()

    def run(self) -> None:
        """Until `stop`; then what is left is kept. A fault of ours ends the agent instead of leaving it half alive."""
        try:
            while not self._stopping.is_set():
                now = self._mono()
                wait_s = max(0.0, min(self._due(now) - now, _TURN_S))
                self.turn(self._queue.wait(wait_s, self._urgent_since is not None))
            self.finish()
        except Exception as error:  # noqa: BLE001  # told to the main thread, which stops and says it
            self.failure = error

    def finish(self) -> None:
        """What is left is kept."""
        now = self._mono()
        self._flush(now, last=True)
        self._keep_receipt(now, last=True)

    def turn(self, urgent: bool) -> None:
        """What is due now. `urgent`: something of interest was observed."""
        now = self._mono()
        self.on_turn(now)
        drill = self._drill.due(now)
        if drill is not None:
            self._queue.put([drill])
        if urgent and self._urgent_since is None:
            self._urgent_since = now
        if now >= self._next_route:
            self._next_route, self._slow = now + self._limits.route_look_s, self._on_modem()
            self._uplink.over_modem(self._slow)
        if now >= self._due(now):
            self._flush(now)
        try:
            self._hear()
            self._keep_receipt(now)
            self._tell_host_key(now)
            if self._uplink.has_new_connection():
                self._begin_connection(now)
            self._uplink.pump()
            if self._uplink.held().tokens == 0 and self._attester.sign_again():
                self._queue.wake()  # they may leave at once
        except JournalError as error:
            self._trouble(str(error))

    def _begin_connection(self, now: float) -> None:
        """The first token at once: what a host lost is shown to it before it can ask for it again."""
        self._attester.show_receipt(self._newest)
        self._tell_cut()
        self._last_beat = float("-inf")
        self._flush(now)

    def _hear(self) -> None:
        """What receipts ask for. Raises JournalError."""
        for verdict in self._uplink.receipts():
            self._attester.accept(verdict.nonce)
            if verdict.new_chain is not None:
                self._attester.show_receipt(verdict.receipt)
                self._attester.begin_chain(verdict.new_chain)
                self._uplink.begin_chain()
            self._attester.attest([gap_note(gap, self._mono()) for gap in verdict.lost])
            self._newest = verdict.receipt or self._newest
            if verdict.receipt is not None:
                self.on_verified()

    def _keep_receipt(self, now: float, last: bool = False) -> None:
        """Now and then the host's word outlives us. Not while an older one, that may say more, is still to be shown."""
        if (last or now >= self._next_kept) and not self._attester.shows and self._newest != self._journal.receipt:
            self._next_kept = now + self._limits.receipt_kept_s
            self._journal.keep_receipt(self._newest or "")

    def _due(self, now: float) -> float:
        """When the next token may leave: soon after something of interest, otherwise once a second, or a heartbeat."""
        if self._urgent_since is not None:
            return max(self._urgent_since + self._limits.first_delay_s, self._last_token + self._limits.lively_every_s)
        if len(self._queue):
            return self._last_token + (self._limits.modem_every_s if self._slow else self._limits.calm_every_s)
        return self._last_beat + self._beat_every_s

    @property
    def _beat_every_s(self) -> float:
        return self._limits.modem_every_s if self._slow else self._limits.heartbeat_s

    def _flush(self, now: float, last: bool = False) -> None:
        self._urgent_since = None
        observations, lost = self._queue.take()
        if lost:
            observations.append(lost_note(lost, "the agent's queue was full", now))
        held = self._uplink.held()
        if now - self._last_beat >= self._beat_every_s:
            self._last_beat = now
            beat = self._heartbeat(held, now)
            if held.tokens and self._slow:
                # In a token of its own, which is small: it may leave ahead of what waits.
                self._attester.attest(observations)
                observations = []
            observations.append(beat)
        if last:
            observations.append(stop_note(self.stop_reason, now))
        if observations:
            self._last_token = now
            self._attester.attest(observations)
            self._trouble(self._attester.trouble)

    def _tell_host_key(self, now: float) -> None:
        """At each start, and when it changed: the host goes on proving a newer key until it hears of it here."""
        kid, before = self._uplink.host_kid, self._host_kid
        if kid != before:
            self._host_kid = kid
            self._queue.put([note("host.key", {"kid": kid, "was": before}, now)])

    def _tell_cut(self) -> None:
        """The host saw a silence: was it the agent, or the way to the host?"""
        seconds = self._uplink.wire.cut_s
        if seconds > self._limits.cut_s:
            fields = {"name": "uplink", "value": True, "was": False, "seconds": round(seconds, 1)}
            self._queue.put([note("config.state", fields, self._mono())])

    def _heartbeat(self, held: Held, now: float) -> Observation:
        used = self._cost()
        return note(
            "heartbeat",
            {
                "cpu_s": round(used.cpu_s, 3),
                "rss_bytes": used.rss_bytes,
                "written_bytes": self._journal.written_bytes,
                "sent_bytes": self._uplink.sent_bytes,
                "held_back_tokens": held.tokens,
                "held_back_from": held.from_seq,
                "queue": len(self._queue),
                "uptime_s": round(now, 1),
            },
            now,
        )

    def _trouble(self, what: Optional[str]) -> None:
        if what is not None and what != self._said:
            say("{}: what is seen meanwhile is counted as lost".format(what))
        self._said = what


def first_words(journal: Journal, hashes: Dict[str, str], now: float) -> List[Observation]:
    """With what an agent begins: that it started, how it ended before, and which numbers are gone."""
    reason = how_it_ended(journal.first, journal.was_clean)
    return [start_note(hashes["code"], reason, journal.was_clean, now)] + [gap_note(gap, now) for gap in journal.found]


def run(arguments: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT. Raises MisuseError for what the person must mend, WachhundError otherwise."""
    config = load(arguments.config)
    key = load_key(config.key)
    profile = choose(config.profile, arguments.config.resolve().parent)
    limits = Limits()
    lock = only_agent(config.data)
    try:
        yielding = Yielding(profile.busy_cores, say)
        yielding.begin(clock.mono())
        setup = Setup(profile, config.redact, config.data, given_places(arguments.config, config.key))
        manner = Manner(
            Service(),
            Privileges((config.data, arguments.config.resolve().parent), say),
            Trial(config.data, arguments.trial, say),
            yielding,
        )
        return _observe(setup, Attesting(config, key, limits, arguments.config), limits, manner)
    finally:
        os.close(lock)


class Attesting:
    """Journal, attester and uplink of one run, put together."""

    def __init__(self, config: Config, key: Any, limits: Limits, config_path: Path) -> None:
        self.hashes = {
            "code": code_hash(Path(__file__).parent),
            "config": hashlib.sha256(config_path.read_bytes()).hexdigest(),
        }
        self.journal = Journal(config.data / "journal", limits)
        self.attester = Attester(
            self.journal, key, config.nonce, boot_seed(config.data), self.hashes, limits, ueid=config.ueid
        )
        wire = MqttWire(config, limits, say)
        self.uplink = Uplink(HostKey(config, say), self.journal, limits, self.attester.ueid, wire)


class Manner(NamedTuple):
    """How one run behaves towards the machine that it runs on."""

    service: Service
    privileges: Privileges
    trial: Trial
    yielding: Yielding


def _observe(setup: Setup, parts: Attesting, limits: Limits, manner: Manner) -> int:
    service, privileges, trial, yielding = manner
    queue = Queue(limits.queue_observations)
    worker = Worker(queue, parts.attester, parts.journal, parts.uplink, limits)
    wire = parts.uplink.wire
    stopped: List[int] = []

    def stop(number: int, _: Any) -> None:
        stopped.append(number)

    def verified() -> None:
        if trial.verified():
            service.status("verified by the host")

    def turn(now: float) -> None:
        service.turn(now)
        trial.check(now)
        yielding.look(now)

    def attend() -> None:
        privileges.keep_none()
        wire.start()  # its thread is a child of this one, and has no more privileges than it
        worker.run()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    worker.on_turn, worker.on_verified = turn, verified
    queue.put(first_words(parts.journal, parts.hashes, clock.mono()))
    sensing = Sensing(queue.put, wire.own_inodes, setup, settled=privileges.keep_needed)
    thread = threading.Thread(target=attend, name="attester", daemon=True)
    thread.start()
    service.ready(clock.mono())

    def begins_anew() -> bool:
        return service.is_supervised and privileges.must_begin_anew(sensing.has_lost_events)

    def should_stop() -> bool:
        service.sensing(clock.mono())
        return bool(stopped) or worker.failure is not None or begins_anew()

    try:
        sensing.run(should_stop)
    finally:
        if not stopped and begins_anew():
            worker.stop_reason = ANEW
        worker.stop()
        thread.join()
        try:
            if worker.failure is None:
                parts.uplink.pump()
                parts.journal.close()
        finally:
            wire.stop()
    if isinstance(worker.failure, WachhundError):
        raise worker.failure
    if worker.failure is not None:
        raise WachhundError("stopped by a fault of our own: {!r}".format(worker.failure)) from worker.failure
    return EXIT_BEGIN_ANEW if not stopped and begins_anew() else 0
