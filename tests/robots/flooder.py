"""A robot that floods, with its own account: `python -m tests.robots.flooder PLAN`, where PLAN is a JSON file.

It comes back whenever it is cut off, and ends when its standard input is closed. Then it prints what it sent.
"""

import json
import os
import select
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.robots.raw_mqtt import Cut, RawMqtt, packet, text
from tests.robots.scripted import ScriptedRobot
from wachhund_evidence import load_private_key_pem, pack_message

_TRY_AGAIN_S = 0.1


def messages(plan: dict[str, Any]) -> Iterator[bytes]:
    """What it sends: "bad" a token that nobody signed, "huge" as much as a token may have, "oversize" more than that,
    "beyond" more than the broker takes, "elsewhere" a little of it; "heavy" its own good tokens, full of flows."""
    if plan["kind"] == "heavy":
        robot = ScriptedRobot(plan["nonce"], key=load_private_key_pem(plan["key"].encode()))
        while True:
            flows = (robot.saw("flow.open", flow=f"{robot.seq}-{n}", proto="tcp", exe="/bin/x") for n in range(900))
            yield pack_message(robot.token(*flows))
            robot.made.clear()
    constant = message(plan["kind"])
    while True:
        yield constant


def message(kind: str) -> bytes:
    """One of those that are always the same."""
    sizes = {"huge": 256 * 1024, "oversize": 300 * 1024, "beyond": 400 * 1024}
    if kind in sizes:
        return os.urandom(sizes[kind] - 1).replace(b"\x78", b"\x77") + b"."
    return b"eyJhbGciOiJFZERTQSJ9." + b"A" * 700 + b"." + b"A" * 86


def flood(plan: dict[str, Any]) -> dict[str, Any]:
    """Send until the standard input ends."""
    topic = f"wachhund/1/{plan['robot'] if plan['kind'] != 'elsewhere' else 'aaaaaaaaaa'}/evidence".encode()
    head = text(topic) + (b"\0\1" if plan["qos"] else b"")
    flow = messages(plan)
    words = [plan[name].encode() for name in ("client_id", "username", "password")]
    sent = size = cut = refused = 0
    wire: RawMqtt | None = None
    began = time.monotonic()
    connected = 0.0
    while not select.select([sys.stdin], [], [], 0)[0]:
        try:
            if wire is None:
                context = None
                if plan["pem"] is not None:
                    context = ssl.create_default_context(cadata=plan["ca"])
                    context.load_cert_chain(plan["pem"])
                wire = RawMqtt(plan["port"], context, timeout=30)
                if wire.connect(*words):
                    refused += 1
                    wire.close()
                    wire = None
                    time.sleep(_TRY_AGAIN_S)
                    continue
                since = time.monotonic()
                begun = sent
            data = next(flow)
            wire.send(packet(0x30 | plan["qos"] << 1, head + data))
            sent += 1
            size += len(data)
            if plan["qos"]:
                wire.drain()
            time.sleep(max(0.0, since + (sent - begun) / plan["rate"] - time.monotonic()))
        except Cut:
            cut += 1
            if wire is not None:
                connected += time.monotonic() - since
            wire = None
    if wire is not None:
        connected += time.monotonic() - since
        wire.close()
    return {
        "sent": sent, "bytes": size, "cut": cut, "refused": refused,
        "connected_s": connected, "seconds": time.monotonic() - began,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(flood(json.loads(Path(sys.argv[1]).read_text()))), flush=True)
