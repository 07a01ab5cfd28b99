"""Robots that are heard, written behind the intake: `python -m tests.bench.ledger_feeder LEDGER ROBOTS HZ`.

Registers the robots, says "begun", and at its end (SIGTERM) how many tokens a second it kept up with. Tokens are not
signed: that would take the core that the pages are measured on. Each 50th robot has an open session and an incident.
"""

import json
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund.ledger import Ledger, Robot, VerifiedToken
from wachhund.ledger.labels import Relabel
from wachhund_evidence import (
    ZERO_HASH,
    EvidenceClaims,
    Observation,
    public_key_pem,
    thumbprint,
    token_hash,
    ueid_of,
)
from wachhund_evidence.base64url import encode

_SITES = 8
_SENSOR = {"source": "bench", "state": "event", "interval_s": None, "dropped": 0, "why": None}
_BATCH_S = 0.1
_COMMIT = 500  # tokens in one


class _Robot:
    def __init__(self, number: int) -> None:
        key = Ed25519PrivateKey.generate().public_key()
        pem = public_key_pem(key).decode("ascii")
        self.row = Robot(f"bench{number:05}", f"go1-{number:05}", ueid_of(key), thumbprint(key), pem, "", time.time())
        self._chain, self._boot = encode(secrets.token_bytes(16)), encode(secrets.token_bytes(32))
        self._head, self._seq, self._born = ZERO_HASH, 0, time.time() - 100.0

    def token(self) -> VerifiedToken:
        now = time.time()
        self._seq += 1
        mono = now - self._born
        said = [Observation("heartbeat", now, mono, "bench", {})]
        if self._seq == 1:
            sensors = dict.fromkeys(("process", "tcp", "relay", "camera", "udp"), _SENSOR)
            said = [Observation("coverage", now, mono, "bench", {"sensors": sensors}),
                    Observation("agent.start", now, mono, "bench", {"version": "bench"})]  # fmt: skip
        claims = EvidenceClaims(
            self.row.ueid, "bench", self._boot, self._chain, self._seq, self._head, int(now), mono, "wachhund-agent",
            "bench", {}, tuple(said),
        )  # fmt: skip
        text = f"bench.{self._chain}.{self._seq}"
        self._head = token_hash(text)
        return VerifiedToken(self.row.id, text, self._head, claims, now, now - 1.0)

    def session(self) -> dict[str, Any]:
        hop = {"hop": "address", "address": "203.0.113.7", "port": 443}
        return {
            "id": f"s-{self.row.id}", "robot": self.row.id, "surface": "ssh", "user": "pi", "first_t": time.time(),
            "last_t": None, "origin": [hop], "carrier": "relay", "authorisation": None, "bytes_in": 1, "bytes_out": 1,
            "incident": f"i-{self.row.id}",
        }  # fmt: skip

    def incident(self) -> dict[str, Any]:
        now = time.time()
        return {
            "id": f"i-{self.row.id}", "robot": self.row.id, "kind": "remote-control",
            "title": "Remote control not allowed", "level": "high", "state": "open", "owner": None,
            "first_t": now, "last_t": now, "sessions": [], "evidence": [],
        }  # fmt: skip


def main() -> int:
    """Feed."""
    path, count, hertz = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    ledger = Ledger.open(path)
    robots = [_Robot(number) for number in range(count)]
    for robot in robots:
        ledger.add_robot(robot.row)
    for site in range(_SITES):
        ledger.labels.change([robot.row.id for robot in robots[site::_SITES]], Relabel(f"site {site}"), "bench")
    for start in range(0, count, _COMMIT):
        ledger.commit([robot.token() for robot in robots[start : start + _COMMIT]])
    seen = robots[::50]
    ledger.save_judgement(0, [robot.incident() for robot in seen], [robot.session() for robot in seen])
    print("begun", flush=True)
    over = False

    def end(*_: object) -> None:
        nonlocal over
        over = True

    signal.signal(signal.SIGTERM, end)
    began, sent, place = time.monotonic(), 0, 0
    while not over:
        due = int((time.monotonic() - began) * count * hertz) - sent
        for _ in range(0, due, _COMMIT):
            part = [robots[(place + step) % count] for step in range(min(_COMMIT, due, count))]
            ledger.commit([robot.token() for robot in part])
            place, sent, due = place + len(part), sent + len(part), due - len(part)
            if over:
                break
        time.sleep(_BATCH_S)
    print(json.dumps({"per_second": sent / (time.monotonic() - began)}), flush=True)
    ledger.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
