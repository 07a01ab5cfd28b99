"""The stream `EVIDENCE` on the nodes: what robots sent and nobody has taken yet, lane by lane.

A lane's messages come by a consumer that belongs to the lane's epoch. Who takes the lane makes it, and deletes those of
earlier epochs: what those had been given and not acknowledged comes again at once. Nothing is fetched that was not
asked for (`pull`), so what a worker cannot take waits on the nodes' disks, and then in the robots' journals.
"""

import asyncio
import contextlib
import json
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wachhund.broker_config import MAX_PAYLOAD_BYTES
from wachhund.broker_member import EVIDENCE_BYTES
from wachhund.cluster.nats_wire import NatsWire, WireError
from wachhund_evidence import MisuseError, WachhundError

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

STREAM = "EVIDENCE"
MAX_AGE_S = 3600  # robots send again what no receipt covers
# Of one robot and kind: one that floods fills its own share, and not the stream.
MOST_OF_A_ROBOT = 512
ACK_WAIT_S = 60.0
_STALE_S = ACK_WAIT_S / 2  # what lies here longer is let go: the nodes give it out again soon
_EXPIRES_S = 2.0  # of a request for messages: so long nobody asks a leader that went without a word
_GIVEN_UP_S = _EXPIRES_S + 1.0  # a request of which nothing was heard
_BYTES = 64 * 1024 * 1024  # of messages that are here: beyond it nothing more is asked for
_AGAIN_S = 0.25  # after a request that no consumer took
_MISSED_S = 15.0  # without a consumer it is gone: to find another leader takes the nodes less
_ANSWER_S = 5.0
_TAKE_S = 3.0  # who waits longer for one lane loses all that he holds (ledger.lanes.LEASE_S)
_TRIES, _TRY_S = 8, 0.15
_NEXT = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}."
_CONSUMER = re.compile(r"lane-(\d{1,3})-(\d{1,18})")
_SUBJECT = re.compile(r"lane\.(\d{1,3})\.([a-z0-9]{10})\.(evidence|status)")
_NOT_UNIQUE = 10100  # nats-server's: another consumer has the lane


class LaneTaken(WachhundError):
    """A consumer of a later epoch (`epoch`) is there: our hold on the lane is over, or the ledger went back."""

    def __init__(self, lane: int, epoch: int, ours: int) -> None:
        super().__init__(f"cluster: lane {lane}: epoch {epoch} has it, and not {ours}")
        self.epoch = epoch


@dataclass(frozen=True)
class StreamMessage:
    """Something that a robot sent. `place`: `evidence` or `status`. `received_t`: when a node stored it, Unix seconds.

    `times`: how often it was given out, by consumers of this epoch.
    """

    lane: int
    epoch: int
    robot: str
    place: str
    payload: bytes
    received_t: float
    times: int
    acknowledge: Callable[[], None] = field(repr=False, compare=False)


@dataclass
class _Line:
    """What is asked of one lane's consumer. `owed`: messages that it may still send; 0: nothing is asked."""

    epoch: int
    owed: int = 0
    until: float = 0.0  # nothing is asked again before (owed 0); nothing is hoped for after (owed > 0)
    request: int = 0
    refused_since: float | None = None
    is_gone: bool = False


class EvidenceStream:
    """For one worker, on its process's wire. `take`, `drop` and `pull` are called by one thread."""

    def __init__(
        self, wire: NatsWire, lanes: int, replicas: int, max_bytes: int = EVIDENCE_BYTES,
        most_of_a_robot: int = MOST_OF_A_ROBOT,
    ) -> None:  # fmt: skip
        """`lanes`, `replicas`: as cluster.json has them. Before the wire is started."""
        self._wire, self._lanes, self._replicas, self._max_bytes = wire, lanes, replicas, max_bytes
        self._most_of_a_robot = most_of_a_robot
        self._lines: dict[int, _Line] = {}
        self._arrived = threading.Condition()
        self._here: deque[tuple[float, StreamMessage]] = deque()
        self._bytes = 0  # of their payloads
        self._requests = 0
        self._exists = False
        self._inbox = f"_INBOX.{secrets.token_hex(12)}"
        wire.subscribe(f"{self._inbox}.>", self._heard)
        wire.when_connected(self._forget_requests)

    @property
    def lanes(self) -> dict[int, int]:
        """The lanes whose messages come, and their epochs. One that is missing here has to be taken again."""
        with self._arrived:
            return {number: line.epoch for number, line in self._lines.items() if not line.is_gone}

    def take(self, lane: int, epoch: int) -> None:
        """Begin to take a lane's messages. Raises LaneTaken or WireError (nothing was taken; try again)."""
        self._ask(lambda client: self._make_consumer(client, lane, epoch), _TAKE_S)
        with self._arrived:
            self._forget_lane(lane)
            self._lines[lane] = _Line(epoch)
            self._arrived.notify_all()

    def drop(self, lane: int) -> None:
        """Take no more of a lane. What is here of it is let go; who takes the lane gets it."""
        with self._arrived:
            self._forget_lane(lane)

    def pull(self, most: int, timeout: float) -> list[StreamMessage]:
        """Up to `most` messages, waiting so many seconds for the first. What comes later waits for the next call.

        Raises nothing while nodes are away: none come.
        """
        deadline = time.monotonic() + timeout
        with self._arrived:
            while True:
                self._ask_for(most)
                left = deadline - time.monotonic()
                if self._here or left <= 0:
                    break
                self._arrived.wait(min(left, _AGAIN_S))
            stale = time.monotonic() - _STALE_S
            while self._here and self._here[0][0] < stale:
                self._first()
            return [self._first() for _ in range(min(most, len(self._here)))]

    def _first(self) -> StreamMessage:
        _, first = self._here.popleft()
        self._bytes -= len(first.payload)
        return first

    def publish(self, subject: str, payload: bytes) -> None:
        """To a robot: `wachhund.1.ROBOT.receipt`. Never waits."""
        self._wire.publish(subject, payload)

    def waiting(self) -> int:
        """How many messages nobody has acknowledged yet, in all lanes. Raises WireError."""

        async def asked(client: "Client") -> int:
            return int((await _api(client, f"STREAM.INFO.{STREAM}", {}))["state"]["messages"])

        return int(self._ask(asked))

    def _ask(self, asked: "Callable[[Client], Any]", within_s: float = _ANSWER_S * 2) -> Any:
        async def made(client: "Client") -> Any:
            if not self._exists:
                await self._make_stream(client)
                self._exists = True
            return await asked(client)

        try:
            return self._wire.call(made, within_s)
        except WachhundError:
            raise
        except Exception as error:  # noqa: BLE001 - the library's, of many kinds
            self._exists = False  # it may be gone: looked for again
            raise WireError(f"cluster: the nodes did not do it: {error or type(error).__name__}: try again") from None

    async def _make_stream(self, client: "Client") -> None:
        """Make the stream, or give it this configuration if it has another one."""
        wanted = self._configuration()
        try:
            there = (await _api(client, f"STREAM.INFO.{STREAM}", {}))["config"]
        except _Refused as refused:
            if refused.code != 404:
                raise
            await _api(client, f"STREAM.CREATE.{STREAM}", wanted)
            return
        into = there.get("subject_transform", {}).get("dest")
        if into != wanted["subject_transform"]["dest"]:
            raise MisuseError(
                f"cluster: the nodes' stream has other lanes than {self._lanes}: {into}: mend cluster.json"
            )
        if any(there.get(key) != value for key, value in wanted.items() if key not in ("storage", "retention")):
            await _api(client, f"STREAM.UPDATE.{STREAM}", {**there, **wanted})

    def _configuration(self) -> dict[str, Any]:
        return {
            "name": STREAM,
            "subjects": ["wachhund.1.*.evidence", "wachhund.1.*.status"],
            # In the stream and not in the robots' account: nothing there is named a lane, and nothing is mapped twice.
            "subject_transform": {
                "src": "wachhund.1.*.*",
                "dest": f"lane.{{{{partition({self._lanes},1)}}}}.{{{{wildcard(1)}}}}.{{{{wildcard(2)}}}}",
            },
            "storage": "file",
            "retention": "workqueue",
            # What does not fit is not kept, and nobody gets a receipt for it.
            "discard": "new",
            "discard_new_per_subject": True,
            "max_msgs_per_subject": self._most_of_a_robot,
            "max_bytes": self._max_bytes,
            "max_age": MAX_AGE_S * 1_000_000_000,
            "max_msg_size": MAX_PAYLOAD_BYTES,
            "num_replicas": self._replicas,
        }

    async def _make_consumer(self, client: "Client", lane: int, epoch: int) -> None:
        for last in (*[False] * (_TRIES - 1), True):
            for name in (await _api(client, f"CONSUMER.NAMES.{STREAM}", {"offset": 0})).get("consumers") or ():
                found = _CONSUMER.fullmatch(name)
                if found is None or int(found[1]) != lane:
                    continue
                if int(found[2]) > epoch:
                    raise LaneTaken(lane, int(found[2]), epoch)
                if int(found[2]) < epoch:
                    with contextlib.suppress(_Refused):  # somebody else did it
                        await _api(client, f"CONSUMER.DELETE.{STREAM}.{name}", {})
            name = f"lane-{lane}-{epoch}"
            wanted = {
                "durable_name": name,
                "name": name,
                "filter_subject": f"lane.{lane}.>",
                "ack_policy": "explicit",
                "ack_wait": int(ACK_WAIT_S * 1_000_000_000),
                "max_deliver": -1,
                "max_ack_pending": 65_536,
                "deliver_policy": "all",
            }
            try:
                await _api(
                    client, f"CONSUMER.CREATE.{STREAM}.{name}.lane.{lane}.>",
                    {"stream_name": STREAM, "config": wanted, "action": ""},
                )  # fmt: skip
                return
            except _Refused as refused:
                if last or refused.err_code != _NOT_UNIQUE:
                    raise
            await asyncio.sleep(_TRY_S)

    def _forget_lane(self, lane: int) -> None:
        if self._lines.pop(lane, None) is not None:
            self._here = deque(one for one in self._here if one[1].lane != lane)
            self._bytes = sum(len(message.payload) for _, message in self._here)

    def _forget_requests(self) -> None:
        """The node that was asked is gone, or is another one."""
        with self._arrived:
            for line in self._lines.values():
                line.owed, line.until, line.refused_since = 0, 0.0, None
            self._arrived.notify_all()

    def _ask_for(self, most: int) -> None:
        """Ask each lane of which nothing is owed for its share of `most`. With the lock held.

        What others owe does not count: a quiet lane owes its share until its request expires, and one that was just
        taken would wait for that. So there are up to twice `most` here: what was owed while `most` were waiting.
        """
        if not self._wire.is_connected or len(self._here) >= most or self._bytes >= _BYTES:
            return
        now, share = time.monotonic(), max(1, most // self._lanes)
        for number, line in self._lines.items():
            if line.owed and now > line.until:
                line.owed, line.until = 0, 0.0
            if line.owed or line.is_gone or now < line.until:
                continue
            self._requests += 1
            line.owed, line.until, line.request = share, now + _GIVEN_UP_S, self._requests
            asked = {"batch": share, "expires": int(_EXPIRES_S * 1_000_000_000)}
            reply = f"{self._inbox}.{number}.{line.epoch}.{self._requests}"
            self._wire.publish(f"{_NEXT}lane-{number}-{line.epoch}", json.dumps(asked).encode(), reply)

    def _heard(self, message: "Msg") -> None:
        """What a consumer sent, in the wire's thread."""
        headers = message.headers or {}
        status = headers.get("Status")
        if status is not None and not message.data and not message.reply.startswith("$JS.ACK"):
            self._heard_status(message.subject, str(status), str(headers.get("Description", "")))
            return
        about = _about(message.reply)
        found = _SUBJECT.fullmatch(message.subject)
        if about is None or found is None:
            return
        lane, epoch, times, stored_ns = about
        reply = message.reply
        made = StreamMessage(
            lane, epoch, found[2], found[3], message.data, stored_ns / 1e9, times,
            acknowledge=lambda: self._wire.publish(reply, b"+ACK"),
        )  # fmt: skip
        with self._arrived:
            line = self._lines.get(lane)
            if line is None or line.epoch != epoch:
                return
            now = time.monotonic()
            line.owed, line.refused_since = max(0, line.owed - 1), None
            line.until = now + _GIVEN_UP_S if line.owed else 0.0
            self._here.append((now, made))
            self._bytes += len(made.payload)
            self._arrived.notify_all()

    def _heard_status(self, subject: str, status: str, why: str) -> None:
        """The end of a request: it is over (404, 408), no consumer took it (503), or the consumer changed (409)."""
        try:
            lane, epoch, request = map(int, subject.removeprefix(f"{self._inbox}.").split("."))
        except ValueError:
            return
        if status == "100":
            return
        with self._arrived:
            line = self._lines.get(lane)
            if line is None or line.epoch != epoch or line.request != request:
                return
            now = time.monotonic()
            line.owed, line.until = 0, 0.0
            if status == "409" and "Consumer Deleted" in why:
                line.is_gone = True
            elif status in ("404", "408"):
                line.refused_since = None
            else:
                line.until = now + _AGAIN_S
                line.refused_since = now if line.refused_since is None else line.refused_since
                if status == "503" and now - line.refused_since > _MISSED_S:
                    line.is_gone = True  # who still holds the lane takes it again, and it is made anew
            self._arrived.notify_all()


class _Refused(Exception):
    """What JetStream's API says."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error.get('description', 'refused')} ({error.get('err_code', error.get('code'))})")
        self.code, self.err_code = int(error.get("code", 0)), int(error.get("err_code", 0))


async def _api(client: "Client", what: str, asked: dict[str, Any]) -> dict[str, Any]:
    answer = await client.request(f"$JS.API.{what}", json.dumps(asked).encode(), timeout=_ANSWER_S)
    found: dict[str, Any] = json.loads(answer.data)
    if "error" in found:
        raise _Refused(found["error"])
    return found


def _about(reply: str) -> tuple[int, int, int, int] | None:
    """Lane, epoch, how often given out, and nanoseconds of storing, from the subject of an acknowledgement."""
    parts = reply.split(".")
    # $JS.ACK.[DOMAIN.ACCOUNT.]STREAM.CONSUMER.DELIVERED.SEQ.SEQ.NANOSECONDS.PENDING[.RANDOM]
    at = 2 if len(parts) == 9 else 4
    if len(parts) < at + 7 or parts[:2] != ["$JS", "ACK"]:
        return None
    found = _CONSUMER.fullmatch(parts[at + 1])
    if found is None or not all(parts[index].isdecimal() for index in (at + 2, at + 5)):
        return None
    return int(found[1]), int(found[2]), int(parts[at + 2]), int(parts[at + 5])
