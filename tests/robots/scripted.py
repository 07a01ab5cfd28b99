"""A robot that does what a test tells it, with real keys: it can rewind, skip, replay, forge and lie about time.

It speaks to nobody by itself: tests take its messages and hand them on, in memory or over a real broker (`OverMqtt`).
"""

import base64
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion

from wachhund_evidence import (
    EVIDENCE_PROFILE,
    ZERO_HASH,
    EvidenceClaims,
    Observation,
    ReceiptClaims,
    pack_message,
    public_key_pem,
    read_receipt,
    sign_evidence,
    thumbprint,
    token_hash,
    ueid_of,
)

NO_NONCE = "no-nonce-of-any-host"


def random_text(size: int) -> str:
    """`size` random bytes as the base64url text of a claim."""
    return base64.urlsafe_b64encode(secrets.token_bytes(size)).rstrip(b"=").decode("ascii")


class ScriptedRobot:
    """Makes one token a call, each chained to the one before. `made` holds all of the present chain by number."""

    def __init__(
        self, nonce: str = NO_NONCE, clock: Callable[[], float] = time.time, key: Ed25519PrivateKey | None = None
    ) -> None:
        self.key = key or Ed25519PrivateKey.generate()
        self.ueid = ueid_of(self.key.public_key())
        self.kid = thumbprint(self.key.public_key())
        self.nonce = nonce
        self.clock = clock
        self.new_chain()
        self.boot()

    @property
    def public_pem(self) -> bytes:
        """What a person would give to `wachhund robots add`."""
        return public_key_pem(self.key.public_key())

    def boot(self) -> None:
        """Power on: a new boot seed, and seconds since boot begin again."""
        self.bootseed = random_text(32)
        self._booted = self.clock()

    def new_chain(self) -> None:
        """The journal is gone: a new chain from number 1."""
        self.chain, self.seq, self.prev = random_text(16), 0, ZERO_HASH
        self.made: dict[int, str] = {}

    def rewind(self, seq: int) -> None:
        """The journal is rolled back: the next token follows number `seq` again."""
        self.seq, self.prev = seq, token_hash(self.made[seq]) if seq else ZERO_HASH

    def skip(self, count: int) -> None:
        """Never use the next `count` numbers."""
        self.seq += count

    @property
    def mono(self) -> float:
        """Seconds since boot."""
        return round(self.clock() - self._booted + 100.0, 6)

    def saw(self, kind: str, **fields: Any) -> Observation:
        """An observation of this moment."""
        return Observation(kind, self.clock(), self.mono, "scripted", fields)

    def token(self, *observations: Observation, key: Ed25519PrivateKey | None = None, **claims: Any) -> str:
        """The next token. `claims` replaces any claim by a lie, `key` signs with another key."""
        self.seq += 1
        text = sign_evidence(
            EvidenceClaims(
                **{
                    "ueid": self.ueid,
                    "eat_nonce": self.nonce,
                    "bootseed": self.bootseed,
                    "chain": self.chain,
                    "seq": self.seq,
                    "prev": self.prev,
                    "iat": int(self.clock()),
                    "mono": self.mono,
                    "swname": "wachhund-agent",
                    "swversion": "0.1.0",
                    "hashes": {},
                    "obs": observations,
                    "profile": EVIDENCE_PROFILE,
                    **claims,
                }
            ),
            key or self.key,
        )
        self.made[self.seq] = text
        self.prev = token_hash(text)
        return text

    def heartbeat(self) -> str:
        """A token with one heartbeat of the agent."""
        beat = self.saw("heartbeat", cpu_s=1.25, rss_bytes=29_000_000, written_bytes=48_000, queue=0, uptime_s=3600.0)
        return self.token(beat)


LET_IN_S = 30.0


class OverMqtt:
    """A scripted robot's connection to a real broker. `receipts` holds every receipt that came, newest last.

    It is in when it is made, and comes again until it is, as an agent does: a broker sends off whom it has not let in
    yet while it takes in who is new. `source`: the address of this machine from which it connects; empty for any.
    `tls`: what it shows and trusts.
    """

    def __init__(
        self,
        robot: ScriptedRobot,
        config: dict[str, str],
        host_key: Any,
        source: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.robot, self.receipts = robot, list[ReceiptClaims]()
        self.id, self._host_key = config["robot"], {thumbprint(host_key): host_key}
        self._changed = threading.Condition()
        address, _, port = config["broker"].removeprefix("mqtt://").rpartition(":")
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=config["client_id"], clean_session=True)
        if tls is not None:
            self.client.tls_set_context(tls)
        self.client.username_pw_set(config["username"], config["password"])
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, *_: client.subscribe(f"wachhund/1/{self.id}/receipt", 1)
        self.client.on_subscribe = self._subscribed
        self.client.on_message = self._received
        self._ready = threading.Event()
        self.client.connect_async(address, int(port), bind_address=source)
        self.client.loop_start()
        if not self._ready.wait(LET_IN_S):
            self.close()
            raise AssertionError("the broker did not let the robot in")

    def _subscribed(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        if not any(reason.is_failure for reason in reasons):
            self._ready.set()

    def _received(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        claims = read_receipt(message.payload.decode("ascii"), self._host_key, self.robot.ueid)
        with self._changed:
            self.receipts.append(claims)
            self.robot.nonce = claims.nonce
            self._changed.notify_all()

    def send(self, token: str | bytes, topic_of: str | None = None) -> None:
        """Publish a token (or raw bytes) on the robot's evidence topic, or on that of the robot id `topic_of`."""
        message = pack_message(token) if isinstance(token, str) else token
        self.client.publish(f"wachhund/1/{topic_of or self.id}/evidence", message, qos=1)

    def receipt(self, wanted: Callable[[ReceiptClaims], bool], timeout: float = 10.0) -> ReceiptClaims:
        """The first receipt that is as `wanted`, waiting for it. Raises AssertionError when none comes."""
        with self._changed:
            self._changed.wait_for(lambda: any(map(wanted, self.receipts)), timeout)
            found = [receipt for receipt in self.receipts if wanted(receipt)]
        assert found, f"no such receipt in {timeout} s; the last: {self.receipts[-1:]}"
        return found[0]

    def close(self) -> None:
        """Disconnect and end the thread."""
        self.client.disconnect()
        self.client.loop_stop()
