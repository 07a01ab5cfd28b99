"""Draws scenes from a seed: everything about a relay or a harmless program that chance may decide. Pure."""

import random
import string
from typing import Any

Session = list[list[float]]


def _name(rng: random.Random) -> str:
    return "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randint(3, 12)))


def _shell(rng: random.Random) -> Session:
    """Key exchange, then commands: keys with their echo, then an output, then a person reads."""
    session: Session = [[0.0, rng.randint(600, 2200), rng.randint(400, 2400)] for _ in range(rng.randint(3, 5))]
    for _ in range(30):
        session.append([rng.uniform(0.3, 2.5), 36, 36])
        session += [[rng.uniform(0.06, 0.3), 36, 36] for _ in range(rng.randint(1, 12))]
        session.append([0.1, 36, 36 + 8 * rng.randint(4, 800)])
    return session


def _pages(rng: random.Random) -> Session:
    session: Session = []
    for _ in range(40):
        session.append([rng.uniform(0.2, 2.0), rng.randint(250, 900), int(2 ** rng.uniform(8, 15))])
        session += [[0.0, rng.randint(250, 900), int(2 ** rng.uniform(7, 14))] for _ in range(rng.randint(0, 5))]
    return session


def _control(rng: random.Random) -> Session:
    """Steering: small messages, several a second."""
    rate = rng.uniform(2, 10)
    return [[rng.expovariate(rate), rng.randint(20, 120), rng.choice([8, 8, 24, 60])] for _ in range(400)]


def _copy(rng: random.Random) -> Session:
    """Files, one way and the other, at a link's speed: a pause stands for each block's time on the link."""
    session: Session = []
    for _ in range(12):
        upwards, blocks, pace = rng.random() < 0.5, rng.randint(5, 60), rng.uniform(0.005, 0.05)
        session.append([rng.uniform(0.2, 1.5), rng.randint(60, 200), 40])
        for _ in range(blocks):
            size = rng.randint(1000, 16000)
            session.append([rng.expovariate(1 / pace), size, 12] if upwards else [rng.expovariate(1 / pace), 24, size])
    return session


SESSIONS = {"shell": _shell, "pages": _pages, "control": _control, "copy": _copy}


def draw_relay(seed: int) -> dict[str, Any]:
    """One relay scene. The plan's keys are those of the programs in this folder."""
    rng = random.Random(f"relay {seed}")
    kind = rng.choice(sorted(SESSIONS))
    compress, tls = rng.random() < 0.2, rng.random() < 0.2
    framed = rng.random() < 0.4
    high = rng.choice([0, 0, 0, rng.randint(1, 50), rng.randint(50, 500)])
    return {
        "scene": "relay",
        "seed": seed,
        "name": _name(rng),
        "session_kind": kind,
        "session": SESSIONS[kind](rng),
        "direction": "in" if rng.random() < 0.2 else "out",
        "outer_port": rng.choice([443, 80, 8443, rng.randint(1024, 60000)]),
        "service_port": 22 if kind == "shell" else {"control": 1883, "pages": 80, "copy": 22}[kind],
        "buffer": 2 ** rng.randint(9, 16),
        "wrap": {"frame": framed, "padding": rng.choice([0, 16, 64, 255]) if framed else 0, "compress": compress},
        "tls": tls,
        "delay_ms": [0 if rng.random() < 0.5 else high // 2, high],
        "split": rng.choice([None, None, "pipe", "socketpair"]),
        "threads": rng.choice([1, 2]),
        "idle_s": rng.uniform(0.3, 3.0),
    }


def draw_benign(seed: int) -> dict[str, Any]:
    """One harmless scene."""
    rng = random.Random(f"benign {seed}")
    kind = rng.choice(["web application", "reverse proxy", "telemetry", "snapshot upload", "file sync",
                       "side by side", "side by side", "mqtt bridge"])  # fmt: skip
    pace = 2 ** rng.uniform(-3, 2)
    steady = rng.random() < 0.4
    small, large = rng.choice([(20, 200), (200, 1500), (36, 36)]), rng.choice([(36, 36), (100, 5000), (5000, 60000)])
    return {
        "scene": "benign",
        "seed": seed,
        "name": _name(rng),
        "kind": kind,
        "outer_port": rng.choice([443, 80, 8883, rng.randint(1024, 60000)]),
        "service_port": {"mqtt bridge": 1883, "web application": 5432, "reverse proxy": 8081}.get(
            kind, rng.choice([1883, 6379, 8080, 5432, 11311])
        ),
        "sessions": [_pages(rng) for _ in range(rng.randint(1, 4))],
        "latency_s": [0.001, rng.choice([0.005, 0.03, 0.15, 0.3])],
        "pause_s": [pace, pace] if steady else [0.1 * pace, 2 * pace],
        "loop_pause_s": rng.choice([[0, 0], [0.2, 0.2], [0.5, 1.5]]),
        "queries": rng.randint(1, 4),
        "burst": rng.choice([1, 1, 3]),
        "sizes": rng.choice([[400, 420], [200, 2000], [500, 20000]]),
        "request": rng.randint(20, 200),
        "reply": rng.randint(8, 200),
        "header": rng.randint(0, 300),
        "outer_pause_s": [0.05 * pace, rng.choice([0.1, 1, 3]) * pace],
        "outer_ask": small,
        "outer_answer": large,
        "inner_ask": rng.choice([(20, 200), (36, 36), (200, 1500)]),
        "inner_answer": rng.choice([(20, 200), (36, 36), (200, 9000)]),
    }
