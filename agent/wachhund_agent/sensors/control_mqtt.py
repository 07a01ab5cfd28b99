"""Control over MQTT: what is said on the topics of the robot's own broker by which it is driven or programmed.

A subscriber that never publishes. Payloads are counted and named by their kind and never kept, but for words that the
profile lists. Which client spoke the broker does not say: flows to its port do.
"""

import errno
import os
import secrets
import select
import socket
from typing import Dict, FrozenSet, List, Optional, Sequence, Set, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_agent.sensors import mqtt_packets as mqtt
from wachhund_agent.sensors.control_topics import Topic, has_wildcard, kind_of, matches, word_of
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation, clip, text

TOPICS_KEPT = 64  # filters; and as many topics that came under wildcards
TOPIC_BYTES = 256
EVERY_S, STATE_EVERY_S = 10.0, 60.0
FORGET_S = 600.0  # a topic under a wildcard that went quiet gives its place back
ANSWER_S = 10.0  # a broker that takes longer hangs
KEEP_ALIVE_S = 60
PING_S = 30.0
SILENCE_S = 90.0  # three pings
FIRST_WAIT_S = 1.0  # doubled until it is as long as the owner says
_READ_BYTES = 64 * 1024
_READS = 16  # in one look, so that a flood can't hold the loop
_SENSOR = "control-mqtt/mqtt"


class _Count:
    """What came on a topic since the last word on it."""

    __slots__ = ("bytes", "changed", "count", "due", "first", "kinds", "last", "retained", "spoken", "topic", "what",
                 "words")  # fmt: skip

    def __init__(self, topic: Topic, what: str, retained: bool, due: float) -> None:
        self.topic, self.what, self.retained, self.due = topic, what, retained, due
        self.spoken: Optional[str] = None
        self.first = self.last = 0.0
        self.clear()

    def clear(self) -> None:
        self.count = self.bytes = self.changed = 0
        self.kinds: Dict[str, int] = {}
        self.words: Dict[str, int] = {}


class ControlMqttSense(Sense):
    """Kinds: `control`, `config.state`. `broker`: (address, port); a name would have to be looked up, which blocks.

    A message on a quiet broker is read at once; while messages stream they are read each half second.
    """

    name = "control-mqtt"
    interval_s = 0.5

    def __init__(self, broker: Tuple[str, int], topics: Sequence[Topic], connect_every_s: float = 30.0) -> None:
        self._broker, self._every = broker, connect_every_s
        self._topics = list(topics)[:TOPICS_KEPT]
        self._not_asked = max(0, len(topics) - TOPICS_KEPT)
        self._counts: Dict[Tuple[str, bool], _Count] = {}
        self._identities: Set[str] = set()
        self._socket: Optional[socket.socket] = None
        self._reader = mqtt.PacketReader()
        self._connected = self._subscribed = self._wake = False
        self._next_try = self._began = self._heard = self._next_ping = 0.0
        self._refused: List[str] = []
        self._lost = 0
        self._wait = FIRST_WAIT_S
        self._trouble = "not connected yet"

    def start(self, mono: float) -> List[Observation]:
        return self.look(mono)

    def fds(self) -> List[int]:
        return [self._socket.fileno()] if self._socket is not None and self._connected and self._wake else []

    def own_inodes(self) -> FrozenSet[int]:
        """The socket of our own connection, by which other senses leave it out."""
        try:
            return frozenset() if self._socket is None else frozenset({os.fstat(self._socket.fileno()).st_ino})
        except OSError:
            return frozenset()

    def look(self, mono: float) -> List[Observation]:
        found: List[Observation] = []
        if self._socket is None and mono >= self._next_try and self._topics:
            self._open(mono)
        if self._socket is not None and not self._connected:
            self._finish(mono)
        if self._socket is not None and self._connected:
            found.extend(self._read(mono))
        if self._socket is not None:
            self._keep_alive(mono)
        return found + self._due(mono)

    def coverage(self) -> Coverage:
        if not self._topics:
            return Coverage("mqtt", "poll", None, 0, "the profile names no topics")
        if not self._subscribed:
            blind = "the robot's broker {}:{}: {}: what is said on its control topics is not seen; see that it runs"
            return Coverage("mqtt", "blind", None, self._lost, blind.format(*self._broker, self._trouble))
        unheard = ["{} (refused by the broker)".format(wanted) for wanted in self._refused[:4]]
        if self._not_asked:
            unheard.append("{} more than the {} that are asked for".format(self._not_asked, TOPICS_KEPT))
        why = "topics of the profile that are not heard: {}".format(", ".join(unheard)) if unheard else None
        return Coverage("mqtt", "event", None, self._lost, why)

    def is_asking(self) -> bool:
        return self._socket is not None and not self._subscribed

    def close(self) -> None:
        if self._socket is not None:
            if self._connected:
                self._send(mqtt.disconnect())
            self._socket.close()
            self._socket = None
        self._connected = self._subscribed = self._wake = False

    def _open(self, mono: float) -> None:
        host, port = self._broker
        self._began = mono
        try:
            address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0]
            kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            self._socket = socket.socket(address[0], kind)
            code = self._socket.connect_ex(address[4])
        except (OSError, OverflowError, UnicodeError) as error:
            self._drop("no connection ({})".format(getattr(error, "strerror", None) or error), mono)
            return
        if code not in (0, errno.EINPROGRESS):
            self._drop("no connection ({})".format(os.strerror(code)), mono)

    def _finish(self, mono: float) -> None:
        if self._socket is None:
            return
        poller = select.poll()
        poller.register(self._socket, select.POLLOUT)
        if not poller.poll(0):
            return
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._drop("no connection ({})".format(os.strerror(code)), mono)
            return
        self._connected = self._wake = True
        self._reader = mqtt.PacketReader()
        self._send(mqtt.connect("wachhund-" + secrets.token_hex(6), KEEP_ALIVE_S))  # one that nobody can take over

    def _send(self, data: bytes) -> None:
        """These are a few hundred bytes into an empty buffer; what does not fit shows as silence."""
        try:
            if self._socket is not None:
                self._socket.send(data)
        except OSError:
            return

    def _drop(self, why: str, mono: float) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._subscribed:
            self._lost += 1  # stands for an unknown number of messages
            self._wait = FIRST_WAIT_S
        self._connected = self._subscribed = self._wake = False
        self._trouble = why
        self._next_try = mono + min(self._wait, self._every)
        self._wait = min(2 * self._wait, self._every)

    def _keep_alive(self, mono: float) -> None:
        if not self._subscribed:
            if mono - self._began > ANSWER_S:
                self._drop("it does not answer", mono)
        elif mono - self._heard > SILENCE_S:
            self._drop("it fell silent", mono)
        elif mono >= self._next_ping:
            self._next_ping = mono + PING_S
            self._send(mqtt.ping())

    def _read(self, mono: float) -> List[Observation]:
        found: List[Observation] = []
        read = 0
        for _ in range(_READS):
            try:
                data = b"" if self._socket is None else self._socket.recv(_READ_BYTES)
            except BlockingIOError:
                # Nothing came: the next message may wake us. Something came: the next half second is read in one go.
                self._wake = not read
                return found
            except OSError as error:
                self._drop("connection lost ({})".format(error.strerror), mono)
                return found
            if not data:
                self._drop("it closed the connection", mono)
                return found
            read += len(data)
            self._heard = mono
            for packet in self._reader.feed(data):
                if self._socket is not None:
                    found.extend(self._take(packet, mono))
            if self._reader.broken:
                self._drop("it speaks no MQTT", mono)
            if self._socket is None:
                return found
        self._wake = True  # there is more
        return found

    def _take(self, packet: mqtt.Packet, mono: float) -> List[Observation]:
        if packet.kind == mqtt.CONNACK and not self._subscribed:
            code = packet.body[1] if len(packet.body) == 2 else 1
            if code:
                self._drop("it refuses us (code {})".format(code), mono)
            else:
                self._send(mqtt.subscribe([topic.filter for topic in self._topics]))
        elif packet.kind == mqtt.SUBACK and not self._subscribed:
            codes = packet.body[2:]
            pairs = zip(self._topics, codes)
            self._refused = [clip(topic.filter, TOPIC_BYTES)[0] for topic, code in pairs if code == mqtt.REFUSED]
            if len(codes) != len(self._topics) or len(self._refused) == len(self._topics):
                self._drop("it refuses our subscription", mono)
            else:
                self._subscribed, self._next_ping = True, mono + PING_S
        elif packet.kind == mqtt.PUBLISH:
            message = mqtt.read_publish(packet)
            if message is not None:
                return self._count(message, mono)
        return []

    def _count(self, message: mqtt.Publish, mono: float) -> List[Observation]:
        named = text(message.topic)
        topic = next((topic for topic in self._topics if matches(topic.filter, named)), None)
        if topic is None:
            return []
        if topic.meaning == "identity" and message.retained:
            return self._identity(topic, named, mono)
        count = self._place(topic, named, message.retained, mono)
        if not count.count:
            count.first = mono
        count.last = mono
        count.count += 1
        count.bytes += message.size
        kind = kind_of(message.head, message.size)
        count.kinds[kind] = count.kinds.get(kind, 0) + 1
        word = word_of(topic, message.head, message.size)
        if word is not None:
            count.words[word] = count.words.get(word, 0) + 1
            count.changed += count.spoken not in (None, word)
            count.spoken = word
        return []

    def _place(self, topic: Topic, named: str, retained: bool, mono: float) -> _Count:
        """Where a message is counted. Topics that somebody invents under a wildcard can't crowd out the others."""
        what = clip(named, TOPIC_BYTES)[0]
        if has_wildcard(topic.filter) and (what, retained) not in self._counts:
            invented = sum(1 for count in self._counts.values() if has_wildcard(count.topic.filter))
            if invented >= TOPICS_KEPT:
                what = clip(topic.filter, TOPIC_BYTES)[0]
        count = self._counts.get((what, retained))
        if count is None:
            due = mono + STATE_EVERY_S if topic.meaning == "state" else mono
            count = self._counts[what, retained] = _Count(topic, what, retained, due)
        return count

    def _identity(self, topic: Topic, named: str, mono: float) -> List[Observation]:
        what = clip(named if len(self._identities) < TOPICS_KEPT else topic.filter, TOPIC_BYTES)[0]
        if what in self._identities:
            return []
        self._identities.add(what)
        fields = {"name": "retained-message", "what": what, "value": True}
        return [Observation("config.state", wall(mono), mono, _SENSOR, fields)]

    def _due(self, mono: float) -> List[Observation]:
        found = []
        for key, count in list(self._counts.items()):
            if count.count and mono >= count.due:
                found.append(Observation("control", wall(mono), mono, _SENSOR, self._fields(count)))
                count.clear()
                count.due = mono + (STATE_EVERY_S if count.topic.meaning == "state" else EVERY_S)
            elif not count.count and mono - count.last > FORGET_S:
                del self._counts[key]
        return found

    @staticmethod
    def _fields(count: _Count) -> Dict[str, object]:
        fields: Dict[str, object] = {
            "surface": count.topic.surface,
            "what": count.what,
            "meaning": count.topic.meaning,
            "count": count.count,
            "bytes": count.bytes,
            "kinds": dict(count.kinds),
            "words": dict(count.words),
            "retained": count.retained,
            "client": None,
            "first_mono": round(count.first, 3),
            "last_mono": round(count.last, 3),
        }
        if count.topic.words:
            fields["changed"] = count.changed
        return fields
