"""What a robot with its own account, and somebody with none, can try at the real broker: refused, and counted.

Each run prints the table of what was tried, what came of it and under which word it is counted.
"""

import contextlib
import datetime
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from paho.mqtt.client import MQTTMessage

from tests.robots.raw_mqtt import DENIED, PUBACK, Cut, RawMqtt, packet, text
from tests.robots.running_host import RunningHost
from tests.robots.scripted import OverMqtt, ScriptedRobot
from tests.waiting import until
from wachhund.fleet import broker_access
from wachhund.fleet.held_off import Patience
from wachhund_evidence import private_key_pem

pytestmark = pytest.mark.of_one_machine  # they look into the embedded broker

ENDLESS = Patience(limit=float("inf"))  # a robot that tries everything would be held off after a part of it
NOBODY = ""


class Ear:
    """The host's own ear: all that reaches it from robots."""

    def __init__(self, host: RunningHost) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._changed = threading.Condition()
        ready = threading.Event()
        access = host.broker.access()
        self._client = broker_access.make_client(access)
        self._client.on_message = self._hear
        topics = [("wachhund/1/+/evidence", 0), ("wachhund/1/+/status", 0)]
        self._client.on_connect = lambda client, *_: client.subscribe(topics)
        self._client.on_subscribe = lambda *_: ready.set()
        broker_access.start(self._client, access)
        assert ready.wait(10)

    def _hear(self, _client: object, _data: object, message: MQTTMessage) -> None:
        with self._changed:
            self.heard.append((message.topic, message.payload))
            self._changed.notify_all()

    def has(self, payload: bytes) -> bool:
        """Whether it comes, within some seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: any(one == payload for _, one in self.heard), 5)

    def close(self) -> None:
        broker_access.stop(self._client)


class Stage:
    """A host, a victim that listens, and a robot whose owner tries things."""

    def __init__(self, host: RunningHost, tls: bool) -> None:
        self.host, self.has_tls = host, tls
        self.victim, self.thief = ScriptedRobot(), ScriptedRobot()
        self.victims, self.own = host.register("victim", self.victim), host.register("thief", self.thief)
        self.a, self.b = self.own["robot"].encode(), self.victims["robot"].encode()
        self.rows: list[tuple[str, str, str, str]] = []
        self.counted: Counter[tuple[str, str]] = Counter()
        self._marks = 0
        self.wire: RawMqtt | None = None

    def __enter__(self) -> "Stage":
        self.ear = Ear(self.host)
        self.there = self.open(self.victims, self.victim)
        assert self.there.subscribe(b"wachhund/1/" + self.b + b"/receipt") == 1
        return self

    def __exit__(self, *_: object) -> None:
        for wire in (self.wire, self.there):
            if wire is not None:
                wire.close()
        self.ear.close()

    def open(
        self, config: dict[str, str], robot: ScriptedRobot, client_id: bytes | None = None,
        will: tuple[bytes, bytes, int, bool] | None = None,
    ) -> RawMqtt:  # fmt: skip
        made = RawMqtt(self.host.port, self.host.tls_of(config["robot"], robot.key))
        words = (config[name].encode() for name in ("username", "password"))
        assert made.connect(client_id or config["client_id"].encode(), *words, will=will) == 0, "not let in"
        return made

    def connected(self) -> RawMqtt:
        """The thief's connection, opened again if it was cut."""
        if self.wire is None:
            self.wire = self.open(self.own, self.thief)
        return self.wire

    def stranger(self, tls: ssl.SSLContext | None = None) -> RawMqtt:
        return RawMqtt(self.host.port, tls)

    def note(self, who: str, what: str, came: str, reason: str) -> None:
        self.rows.append((who, what, came, reason or "-"))
        if reason:
            self.counted[self.own["robot"] if who == "robot" else NOBODY, reason] += 1

    def act(self, what: str, tried: Callable[[RawMqtt], str], ignored: str, cut: str = "broker-protocol") -> None:
        """Let the thief try something; afterwards evidence of its own must still come in."""
        came, reason = "", ignored
        try:
            came = tried(self.connected())
            self._marks += 1
            mark = b"mark-%d" % self._marks
            self.connected().publish(b"wachhund/1/" + self.a + b"/evidence", mark)
            assert self.ear.has(mark), f"evidence comes no more after {what}"
        except Cut:
            came, reason = "cut off", cut
            self.wire = None
        self.note("robot", what, came, reason)

    def settled(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing reached anybody, all is counted under the right word, and the table is shown."""
        with capsys.disabled():
            print("\n" + self.table())
        assert self.foreign() == []
        with contextlib.suppress(AssertionError):
            until(lambda: self.found() == self.counted, 10, "all is counted")
        assert self.found() == self.counted

    def foreign(self) -> list[tuple[str, bytes]]:
        """What reached host or victim that is not the thief's own evidence."""
        own = f"wachhund/1/{self.own['robot']}/evidence"
        self.there.ping()
        return [(topic, payload) for topic, payload in self.ear.heard if topic != own] + [
            (topic.decode(), payload) for topic, payload in self.there.heard
        ]

    def found(self) -> dict[tuple[str, str], int]:
        """What is counted of thief and nobody."""
        mine = {place: one.count for place, one in self.host.refused().items()}
        return {place: count for place, count in mine.items() if place[1].startswith("broker-")}

    def table(self) -> str:
        head = ("who", "tried", "came of it", "counted as")
        widths = [max(len(row[column]) for row in [head, *self.rows]) for column in range(4)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [head, *self.rows]
        )


@pytest.fixture(params=["plain", "tls"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    host = RunningHost(tmp_path / "data", tls=request.param == "tls", patience=ENDLESS)
    made = Stage(host, request.param == "tls")
    with host, made:
        yield made


def topics_of_others(stage: Stage) -> list[bytes]:
    """Topics that are not the thief's, and spellings that might be taken for one."""
    a, b = stage.a, stage.b
    return [
        *(b"wachhund/1/" + b + b"/evidence", b"wachhund/1/" + b + b"/status", b"wachhund/1/" + b + b"/receipt"),
        *(b"wachhund/1/" + a + b"/receipt", b"wachhund/1/" + a, b"wachhund/1/" + a + b"/evidence/x", b"x", b"wachhund"),
        *(b"wachhund/1/broker/connected", b"wachhund/1/broker/gone", b"wachhund/1/pulse/pulse"),
        *(b"wachhund/1/*/evidence", b"wachhund/1/>", b">", b"*"),
        *(b"wachhund." + b"1." + b + b".evidence", b"wachhund/1." + b + b"/evidence"),
        *(b"wachhund/1//" + b + b"/evidence", b"/wachhund/1/" + b + b"/evidence", b"//", b"/"),
        *(b"wachhund/1/" + b + b"/evidence/", b"WACHHUND/1/" + b + b"/evidence"),
        *(b"$MQTT/msgs/wachhund.1." + b + b".evidence", b"$MQTT/sub/x", b"$MQTT/rmsgs/x", b"$MQTT/deliver/pubrel/x"),
        *(b"$JS/API/STREAM/DELETE/$MQTT_msgs", b"$JS/API/INFO", b"$JS/ACK/x", b"$KV/x/y", b"_INBOX/x"),
        *(b"$SYS/REQ/SERVER/PING", b"$SYS/ACCOUNT/ROBOTS/CONNECT", b"$SYS/ACCOUNT/HOST/DISCONNECT"),
        "wachhund/1/é\u202e/evidence".encode(),
        b"wachhund/1/" + b"y" * 60_000,
        b"/" * 5_000,
    ]


def short(topic: bytes, stage: Stage) -> str:
    named = topic.replace(stage.a, b"OWN").replace(stage.b, b"OTHER")
    shown = ascii(named[:44])[2:-1]
    return shown if len(named) <= 44 else f"{shown}... ({len(named)} bytes)"


def test_a_robot_does_nothing_elsewhere_with_its_own_account(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """It publishes, subscribes, wills and names itself as it likes: nothing gets anywhere, all of it is counted."""

    def publish(topic: bytes, qos: int = 1, retain: bool = False) -> Callable[[RawMqtt], str]:
        def tried(wire: RawMqtt) -> str:
            wire.publish(topic, b"forged", qos, retain)
            wire.ping()
            return "ignored"

        return tried

    def subscribe(topic: bytes) -> Callable[[RawMqtt], str]:
        def tried(wire: RawMqtt) -> str:
            code = wire.subscribe(topic)
            assert code == DENIED, f"{topic!r} was granted"
            return "denied"

        return tried

    others = topics_of_others(stage)
    for topic in others:
        stage.act("publish " + short(topic, stage), publish(topic), "broker-publish")
    stage.act("publish QoS 0 to another", publish(others[0], 0), "broker-publish")
    stage.act("publish retained to another's status", publish(others[1], 1, True), "broker-publish")
    for topic in (b"#", b"+", b"wachhund/1/+/evidence", b"", b"a\0b", b"\xff\xfe", b"a b", b"a\tb", b"a\nb", b"\x7f"):
        stage.act("publish " + ascii(topic)[2:-1], publish(topic), "broker-publish")
    own = b"wachhund/1/" + stage.a + b"/evidence"
    stage.act("publish QoS 2 to its own", publish(own, 2), "broker-protocol")
    filters = [
        *(b"#", b"+", b"+/#", b"/#", b"wachhund/#", b"wachhund/1/#", b"wachhund/1/+/receipt", b"wachhund/+/+/receipt"),
        *(b"$SYS/#", b"$MQTT/#", b"$JS/#", b"$JS/API/#", b"$KV/#", b"_INBOX/#", b"$share/x/wachhund/1/+/receipt"),
        *(own, b"wachhund/1/" + stage.a + b"/status", b"wachhund/1/" + stage.a + b"/#"),
        *(topic for topic in others if len(topic) < 1000 and topic != b"wachhund/1/" + stage.a + b"/receipt"),
    ]
    for topic in filters:
        # Of what begins so nats-server says no word, not even in its log.
        counted = "" if topic.startswith(b"$MQTT") else "broker-subscribe"
        stage.act("subscribe " + short(topic, stage), subscribe(topic), counted)
    for topic in (b"", b"a\0b", b"\xff\xfe", b"a b", b"wachhund/1/a#", b"wachhund/1/+a/receipt", b"z" * 60_000):
        stage.act("subscribe " + short(topic, stage), subscribe(topic), "broker-subscribe")

    stage.settled(capsys)


@pytest.mark.thorough
def test_a_last_will_goes_no_further_than_its_robots_own_topics(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """A will is published by the broker itself, when its robot is gone: by the robot's rights all the same."""
    a, b = stage.a, stage.b
    wills = [
        *(b"wachhund/1/" + b + b"/status", b"wachhund/1/" + b + b"/evidence", b"wachhund/1/" + a + b"/receipt"),
        *(b"$SYS/REQ/SERVER/PING", b"$MQTT/msgs/x", b"wachhund/1/broker/gone"),
    ]
    for topic in wills:
        wire = stage.open(stage.own, stage.thief, will=(topic, b"forged", 1, True))
        wire.close()
        stage.note("robot", "will on " + short(topic, stage), "published to nobody", "broker-publish")
        # The broker forgets the will of whoever comes back too soon.
        until(lambda: stage.found() == stage.counted, 10, "the will is refused")
    for topic in (b"#", b"", b"a\0b"):
        with pytest.raises(Cut):
            stage.open(stage.own, stage.thief, will=(topic, b"forged", 1, False))
        # Before it is let in nobody knows who it is.
        stage.note("nobody", "will on " + short(topic, stage), "cut off", "broker-protocol")
    stage.settled(capsys)


def test_nobody_gets_in_without_all_of_a_robots_own_credentials(
    stage: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Names, passwords of others, guesses, other protocols; by TLS also certificates of others and of nobody."""
    own, other = stage.own, stage.victims
    tls = stage.host.tls_of(own["robot"], stage.thief.key)
    tries: list[tuple[str, str, str]] = [
        ("another robot's password", own["username"], other["password"]),
        ("a guess", own["username"], "guess"),
        ("an empty password", own["username"], ""),
        ("the robot's id for a password", own["username"], own["robot"]),
        ("the hash of the password", own["username"], stage.host.ledger.robot(own["robot"]).password_hash),
    ]
    if stage.has_tls:
        tries.append(("its certificate and another's account", other["username"], other["password"]))
    else:
        # By TLS the certificate alone says who it is, and the name is not looked at.
        tries += [(f"user {name!r}, a guess", name, "host") for name in ("host", "pulse", "watch", "$SYS", "a\u0301bc")]
        tries.append(("an id that nobody has", "aaaaaaaaaa", own["password"]))
    for what, user, password in tries:
        wire = stage.stranger(tls)
        code = wire.connect(b"x", user.encode(), password.encode())
        wire.close()
        assert code in (4, 5), f"{what}: let in"
        claimed = own["robot"] if stage.has_tls or user == own["username"] else NOBODY
        stage.rows.append(("nobody", what, f"refused ({code})", "broker-login"))
        stage.counted[claimed, "broker-login"] += 1
    for what, words in (("no name and no password", (None, None)), ("a name without a password", (b"host", None))):
        wire = stage.stranger(tls)
        try:
            code = wire.connect(b"x", *words)
            assert code in (4, 5)
            came, reason = f"refused ({code})", "broker-login"
        except Cut:
            came, reason = "cut off", "broker-protocol"
        wire.close()
        claimed = own["robot"] if stage.has_tls else NOBODY
        stage.rows.append(("nobody", what, came, reason))
        stage.counted[claimed if reason == "broker-login" else NOBODY, reason] += 1
    unheard: list[tuple[str, bytes]] = [
        ("a publish before it is let in", packet(0x32, text(own["robot"].encode()) + b"\0\1x")),
        ("a subscribe before it is let in", packet(0x82, b"\0\1" + text(b"#") + b"\1")),
        ("HTTP", b"GET /connz HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("rubbish", bytes(range(255, 155, -1))),
        ("a first packet of 200 MB", b"\x10\xff\xff\xff\x7f" + b"x" * 4096),
    ]
    for what, data in unheard:
        wire = stage.stranger(tls)
        with pytest.raises(Cut):
            wire.send(data)
            wire.wait(PUBACK)
        stage.note("nobody", what, "cut off", "broker-protocol")
    for level in (3, 5):
        wire = stage.stranger(tls)
        try:
            code = wire.connect(b"x", own["username"].encode(), own["password"].encode(), level=level)
            assert code == 1
        except Cut:
            pass
        wire.close()
        stage.note("nobody", f"MQTT level {level}", "refused", "broker-protocol")
    if stage.has_tls:
        certificates(stage, tmp_path)
    nats_port(stage)
    stage.settled(capsys)


def certificates(stage: Stage, folder: Path) -> None:
    """Who cannot show a certificate of this host's authority is cut off before he says a word."""
    authority = stage.host.authority
    assert authority is not None
    trust = ssl.create_default_context(cadata=authority.certificate)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "own.key", "-out", "own.crt",
         "-days", "9", "-subj", "/CN=x",
         "-addext", f"subjectAltName=URI:urn:wachhund:robot:{stage.own['robot']}:{stage.thief.kid}"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    forged = ssl.create_default_context(cadata=authority.certificate)
    forged.load_cert_chain(folder / "own.crt", folder / "own.key")
    old = ssl.create_default_context(cadata=authority.certificate)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    words = [stage.own[name].encode() for name in ("client_id", "username", "password")]
    for what, context in (
        ("no certificate", trust), ("a certificate that it made itself", forged), ("TLS 1.2", old), ("no TLS", None),
    ):  # fmt: skip
        with pytest.raises(Cut):
            stage.stranger(context).connect(*words)
        # What speaks no TLS at all is taken for a probe, and nats-server does not tell of it.
        stage.note("nobody", what, "cut off", "broker-tls" if context is not None else "")
    slander(stage, folder)
    # Signed by the host, for another key than the robot has now: as after `robots rotate`.
    for what, identity in (("a key that was rotated away", stage.own["robot"]), ("the host's name", "host")):
        key = Ed25519PrivateKey.generate()
        context = stage.host.tls_of(identity, key)
        wire = stage.stranger(context)
        assert wire.connect(*words) in (4, 5)
        wire.close()
        stage.rows.append(("nobody", f"a certificate of the host for {what}", "refused", "broker-login"))
        stage.counted[stage.own["robot"], "broker-login"] += 1


def slander(stage: Stage, folder: Path) -> None:
    """A stranger's certificate whose name is a record of the broker's log, about each connection there is.

    Names are logged with their line breaks: it must not pass for what the broker said of somebody else.
    """
    pid = stage.host.broker.pid
    record = '[%d] 2026/01/01 00:00:00.000000 [ERR] 127.0.0.1:1 - mid:%d - "x" - Publish Violation - Subject "forged"'
    lines = "\n".join(record % (pid or 0, number) for number in range(300))
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"x\n{lines}\n")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, None)
    )  # fmt: skip
    (folder / "slander.pem").write_bytes(private_key_pem(key) + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(cadata=stage.host.authority.certificate if stage.host.authority else None)
    context.load_cert_chain(folder / "slander.pem")
    with pytest.raises(Cut):
        stage.stranger(context).connect(b"x")
    stage.note("nobody", "a certificate with forged log records for a name", "cut off", "broker-tls")


def nats_port(stage: Stage) -> None:
    """nats-server's own protocol cannot be switched off: it listens on loopback, and knows nobody."""
    pid = stage.host.broker.pid
    listening = listeners(pid)
    assert [address for address, port in listening if port != stage.host.port] == ["127.0.0.1"]
    (port,) = (port for _, port in listening if port != stage.host.port)
    said = (
        ("NATS: no account", b"{}"),
        ("NATS: the robot's account", b'{"user":"%s","pass":"%s"}' % (
            stage.own["username"].encode(), stage.own["password"].encode())),
        ("NATS: guess", b'{"user":"host","pass":"host"}'),
    )  # fmt: skip
    for what, words in said:
        with socket.create_connection(("127.0.0.1", port), 10) as wire:
            wire.sendall(b"CONNECT " + words + b"\r\nSUB > 1\r\nPING\r\n")
            answer = b""
            while piece := wire.recv(65536):
                answer += piece
        assert b"Authorization Violation" in answer and b"PONG" not in answer
        named = b"user" in words and stage.own["username"].encode() in words
        stage.rows.append(("nobody", what, "refused", "broker-login"))
        stage.counted[stage.own["robot"] if named else NOBODY, "broker-login"] += 1


def listeners(pid: int | None) -> list[tuple[str, int]]:
    """Where a process listens on IPv4: (address, port)."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(str(link.readlink()))
    found = []
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == "0A" and f"socket:[{words[9]}]" in inodes:
            address, _, port = words[1].partition(":")
            found.append((socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)))
    return found


def test_the_hosts_session_is_out_of_reach_even_for_who_knows_its_client_id(stage: Stage) -> None:
    """Sessions belong to an account, and robots share none with the host: its connection stays, evidence goes on."""
    identity = stage.host.intake._wire._client._client_id

    def counted(times: int) -> bool:
        return stage.found().get((stage.own["robot"], "broker-client-id")) == times

    for times in (1, 2, 3):  # each ends before the next: who takes over his own session is jailed for a second
        stage.open(stage.own, stage.thief, client_id=identity).close()
        until(partial(counted, times), 10, "it is counted")
    stage.connected().publish(b"wachhund/1/" + stage.a + b"/status", b"still there")
    assert stage.ear.has(b"still there")
    assert stage.host.intake._wire._client.is_connected()


@pytest.mark.thorough
def test_who_takes_anothers_client_id_is_cut_off_at_once_and_the_other_is_back(tmp_path: Path) -> None:
    """The ids are secret; should one leak, MQTT lets its user throw the owner off, once, and loses his own access."""
    for tls in (False, True):
        with RunningHost(tmp_path / str(tls), tls=tls) as host:
            victim, thief = host.connect("victim"), host.connect("thief")
            victim.send(victim.robot.heartbeat())
            victim.receipt(lambda receipt: receipt.seq == 1)
            config = host.configs["thief"]
            wire = RawMqtt(host.port, host.tls_of(thief.id, thief.robot.key))
            stolen = host.configs["victim"]["client_id"]
            began = time.monotonic()
            with pytest.raises(Cut):  # perhaps before it is let in at all
                assert wire.connect(stolen.encode(), config["username"].encode(), config["password"].encode()) == 0
                wire.wait(PUBACK)
            assert time.monotonic() - began < 5
            token = victim.robot.heartbeat()

            def receipted(victim: OverMqtt = victim, token: str = token) -> bool:
                victim.send(token)
                time.sleep(0.2)
                return any(receipt.seq == 2 for receipt in victim.receipts)

            until(receipted, 15, "the other robot is back")
            until(lambda host=host, thief=thief: (thief.id, "held-off") in host.refused(), 5, "it is said")
            again = RawMqtt(host.port, host.tls_of(thief.id, thief.robot.key))
            code = again.connect(*(config[name].encode() for name in ("client_id", "username", "password")))
            again.close()
            assert code == 5, "it is held off, also under its own id"
            assert host.refused()[thief.id, "broker-client-id"].count >= 1
            assert host.ledger.faults(victim.id) == [] and host.ledger.robot(thief.id).state == "active"
