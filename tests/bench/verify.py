"""Evidence verified per second, against Ed25519 alone over the same bytes (the physical limit)."""

import os
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.bench.figure import Figure
from wachhund_evidence import (
    ZERO_HASH,
    EvidenceClaims,
    Observation,
    base64url,
    make_nonce,
    read_evidence,
    sign_evidence,
    thumbprint,
    ueid_of,
)


def _claims(ueid: str, observations: tuple[Observation, ...]) -> EvidenceClaims:
    return EvidenceClaims(
        ueid=ueid,
        eat_nonce=make_nonce(os.urandom(32), ueid, time.time_ns() // 1000),
        bootseed=base64url.encode(os.urandom(32)),
        chain=base64url.encode(os.urandom(16)),
        seq=7,
        prev=ZERO_HASH,
        iat=1700000000,
        mono=812.5,
        swname="wachhund-agent",
        swversion="0.1.0",
        hashes={"code": base64url.encode(os.urandom(32))},
        obs=observations,
    )


def _heartbeat() -> Observation:
    fields = {"cpu_s": 1.53, "rss_bytes": 31_404_032, "written_bytes": 812_331, "queue": 0, "uptime_s": 4711.25}
    return Observation("heartbeat", 1700000000.512, 4711.25, "agent", fields)


def _flow(number: int) -> Observation:
    fields = {
        "flow": f"5f3a-{number}", "proto": "tcp", "direction": "out", "local": ["192.168.123.161", 40000 + number],
        "remote": ["203.0.113.7", 443], "scope": "internet", "puid": f"{800 + number}-123456", "pid": 800 + number,
        "exe": "/opt/x/agentd", "user": "root", "peer": None, "bytes_out": 0, "bytes_in": 0, "duration_s": 0.0,
    }  # fmt: skip
    return Observation("flow.open", 1700000000.5, 4711.25, "tcp/tracefs", fields)


def run(quick: bool) -> list[Figure]:
    """Interleaved rounds of both, by CPU time: what else the machine does counts little, and for both alike."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key()
    ueid, keys = ueid_of(public), {thumbprint(public): public}
    figures = []
    for name, observations in (("heartbeat", (_heartbeat(),)), ("100 flows", tuple(_flow(n) for n in range(100)))):
        token = sign_evidence(_claims(ueid, observations), key)
        signed, signature = token.rsplit(".", 1)
        message, raw_signature = signed.encode(), base64url.decode(signature)
        ours, raw = [], []
        each = 100 if quick else 500
        for _ in range(5 if quick else 41):
            start = time.process_time()
            for _ in range(each):
                public.verify(raw_signature, message)
            raw.append(each / (time.process_time() - start))
            start = time.process_time()
            for _ in range(each):
                read_evidence(token, keys, ueid)
            ours.append(each / (time.process_time() - start))
        ratios = tuple(100 * mine / limit for mine, limit in zip(ours, raw, strict=True))
        aim = ">= 80" if name == "heartbeat" else ""
        figures += [
            Figure("verify", f"{name}: evidence read and verified", "1/s", tuple(ours)),
            Figure("verify", f"{name}: Ed25519 alone", "1/s", tuple(raw), note="the limit"),
            Figure("verify", f"{name}: ours of the limit", "%", ratios, aim),
        ]
    return figures
