"""A ledger with a robot that signs what a test says: real keys, real tokens, a real SQLite file."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import argon2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.robots.host_bench import keys_of_some_host
from tests.robots.ledger_place import ready
from wachhund.fleet.registration import new_robot
from wachhund.ledger import Ledger, VerifiedToken
from wachhund.people.passwords import Passwords
from wachhund.web.door import Door
from wachhund_evidence import (
    ZERO_HASH,
    EvidenceClaims,
    Observation,
    public_key_pem,
    read_evidence,
    sign_evidence,
    token_hash,
)
from wachhund_evidence.base64url import encode

SEEING = {
    name: {"source": f"{name}/tracefs", "state": "event", "interval_s": None, "dropped": 0, "why": None}
    for name in ("process", "tcp", "relay")
}

_CHEAP = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def _nonce(t: float) -> str:
    """A challenge of host time `t`, in the form in which a host makes it: who made it, only that host could tell."""
    return encode(round(t * 1e6).to_bytes(8, "big") + bytes(24))


class Player:
    """One robot on the stage. `say` signs observations and commits them, as the intake would."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.robot, _ = new_robot(name, public_key_pem(self.key.public_key()), keys_of_some_host())
        ledger.add_robot(self.robot)
        self._ledger = ledger
        self._chain, self._boot = encode(secrets.token_bytes(16)), encode(secrets.token_bytes(32))
        self._head, self.seq = ZERO_HASH, 0
        self.born = time.time() - 1000.0

    @property
    def chain(self) -> str:
        return self._chain

    def token(self, *observations: Observation, received_t: float | None = None) -> VerifiedToken:
        """The next token of the chain, not committed."""
        now = time.time() if received_t is None else received_t
        self.seq += 1
        claims = EvidenceClaims(
            self.robot.ueid, _nonce(now - 1.0), self._boot, self._chain, self.seq, self._head, int(now),
            now - self.born, "wachhund-agent", "0.1.0", {}, tuple(observations),
        )  # fmt: skip
        text = sign_evidence(claims, self.key)
        self._head = token_hash(text)
        read = read_evidence(text, {self.robot.kid: self.key.public_key()}, self.robot.ueid)
        return VerifiedToken(self.robot.id, text, self._head, read, now, now - 1.0)

    def say(self, *observations: Observation, received_t: float | None = None) -> int:
        """Sign and commit; the token's number."""
        self._ledger.commit([self.token(*observations, received_t=received_t)])
        return self.seq

    def seen(self, kind: str, **fields: Any) -> Observation:
        """An observation of this moment."""
        now = time.time()
        return Observation(kind, now, now - self.born, "stage", fields)

    def looking(self, **changed: Any) -> Observation:
        """A coverage statement: all senses hear each event, but for what is said otherwise."""
        return self.seen("coverage", sensors={**SEEING, **changed})

    def session(self, identity: str, *, origin: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
        """A session of the controller ledger on this robot, open unless said otherwise."""
        return {
            "id": identity, "robot": self.robot.id, "surface": "ssh", "user": None, "first_t": time.time() - 20,
            "last_t": None, "origin": origin, "carrier": "relay", "authorisation": None,
            "bytes_in": 10, "bytes_out": 20, "incident": None, **changed,
        }  # fmt: skip

    def incident(self, identity: str, *, sessions: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
        """An open incident of this robot with those sessions."""
        origin = sessions[0]["origin"] if sessions else []
        return {
            "id": identity, "robot": self.robot.id, "kind": "remote-control",
            "title": f"Remote control not allowed: ssh through an unnamed relay on {self.robot.name}",
            "level": "critical", "state": "open", "owner": None, "came_back": False, "close_reason": None,
            "first_t": time.time() - 30, "last_t": time.time() - 5, "robot_first_t": time.time() - 30,
            "robot_last_t": time.time() - 5, "sessions": sessions, "surface": "ssh", "origin": origin,
            "rules": ["relay up", "session through a relay"], "attack": ["T1572", "T1021.004"],
            "story": ["One thing happened.", "Then another."], "advice": ["Unplug it.", "Ask who it was."],
            "unknown": [], "evidence": [{"chain": self._chain, "seq": 1, "items": [0]}], **changed,
        }  # fmt: skip


RELAY_PATH: list[dict[str, Any]] = [
    {"hop": "address", "address": "203.0.113.7", "port": 443},
    {"hop": "process", "role": "relay", "exe": "/opt/x/agentd", "pid": 812, "user": "root"},
    {"hop": "loopback"},
    {"hop": "service", "name": "ssh", "port": 22},
    {"hop": "user", "user": "pi"},
]


def door_of(ledger: Ledger, clock: Callable[[], float] = time.time) -> Door:
    """A door whose passwords are hashed as they always are, but at no cost: two are, in each test of a page."""
    return Door(ledger, clock, _CHEAP)


def open_ledger(folder: Path) -> Ledger:
    """A fresh ledger in `folder`."""
    return Ledger.open(ready(folder / "ledger.sqlite"))
