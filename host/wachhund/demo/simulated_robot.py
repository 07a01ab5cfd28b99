"""A robot that is not there: real keys, real tokens in one chain, and a part that it plays. No network here."""

import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_evidence import ZERO_HASH, EvidenceClaims, Observation, sign_evidence, token_hash, ueid_of
from wachhund_evidence.base64url import encode

_SEEING = {"source": "simulated", "state": "event", "interval_s": None, "dropped": 0, "why": None}
_SENSES = ("process", "tcp", "relay", "camera", "udp")
VENDOR_TUNNEL = "/usr/local/zhexi/cloudsail/csclient"  # a Go1's own, which a built-in rule knows


@dataclass(frozen=True)
class Part:
    """What a robot plays. `quiet_after`: tokens after which it says nothing; None: it never falls silent."""

    blind: tuple[str, ...] = ()
    polled: tuple[str, ...] = ()
    tunnel: bool = False
    quiet_after: int | None = None


CALM = Part()


def part_of(number: int) -> Part:
    """The part of the robot of that number: of 50 one dials out, one is blind, two poll, and one falls silent."""
    return {
        7: Part(tunnel=True),
        13: Part(blind=("relay",)),
        23: Part(polled=("tcp",)),
        31: Part(polled=("process", "tcp")),
        43: Part(quiet_after=6),
    }.get(number % 50, CALM)


class SimulatedRobot:
    """Makes one token a call. `nonce` is the host's newest challenge."""

    def __init__(self, nonce: str, part: Part, seed: int, clock: Callable[[], float] = time.time) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.ueid = ueid_of(self.key.public_key())
        self.nonce, self.part, self._clock = nonce, part, clock
        self._random = random.Random(seed)  # noqa: S311  a scene, no secret
        self._booted = clock() - 100.0
        self._chain, self._boot = encode(secrets.token_bytes(16)), encode(secrets.token_bytes(32))
        self._head, self.seq = ZERO_HASH, 0

    @property
    def is_quiet(self) -> bool:
        """Whether its part is over."""
        return self.part.quiet_after is not None and self.seq >= self.part.quiet_after

    def next_token(self) -> str:
        """Its next statement."""
        self.seq += 1
        claims = EvidenceClaims(
            self.ueid, self.nonce, self._boot, self._chain, self.seq, self._head, int(self._clock()), self._mono(),
            "wachhund-agent", "simulated", {}, tuple(self._said()),
        )  # fmt: skip
        text = sign_evidence(claims, self.key)
        self._head = token_hash(text)
        return text

    def _said(self) -> list[Observation]:
        if self.seq == 1:
            sensors = {name: self._sense(name) for name in _SENSES}
            start = self._saw("agent.start", version="simulated", reason="boot")
            return [start, self._saw("coverage", sensors=sensors)]
        if self.seq == 3 and self.part.tunnel:
            return [self._saw("process.start", **self._process(VENDOR_TUNNEL, "root"))]
        if self._random.random() < 0.1:
            return [self._saw("process.start", **self._process("/usr/bin/python3", "pi"))]
        return [self._saw("heartbeat")]

    def _sense(self, name: str) -> Mapping[str, Any]:
        if name in self.part.blind:
            return {**_SEEING, "state": "blind", "why": "its part in this scene"}
        return {**_SEEING, "state": "poll", "interval_s": 1.0} if name in self.part.polled else _SEEING

    def _process(self, exe: str, user: str) -> dict[str, Any]:
        pid = self._random.randrange(300, 30_000)
        return {
            "puid": f"{pid}-{self.seq}", "pid": pid, "ppid": 1, "exe": exe, "argv": [exe.rpartition("/")[2]],
            "cwd": "/", "user": user, "parent_exe": None, "ancestry": [],
        }  # fmt: skip

    def _saw(self, kind: str, **fields: Any) -> Observation:
        return Observation(kind, self._clock(), self._mono(), "simulated", fields)

    def _mono(self) -> float:
        return round(self._clock() - self._booted, 6)
