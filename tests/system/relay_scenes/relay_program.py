"""A relay, as drawn: `relay_program.py PLAN`, a JSON object. Copied under a drawn name before it is run.

roles: "whole" holds both sides; "outer" and "inner" are two processes joined by the descriptors in `joint`.
"""

import json
import os
import queue
import random
import select
import socket
import sys
import threading
import time

import wire


class Joint:
    """The other half of a split relay: two pipe ends, or one end of a socket pair."""

    def __init__(self, reads, writes):
        self._reads, self._writes = reads, writes

    def fileno(self):
        return self._reads

    def recv(self, size):
        return os.read(self._reads, size)

    def sendall(self, data):
        while data:
            data = data[os.write(self._writes, data) :]


def pump(receive, send, plan, rng):
    """Pass on until the end; each chunk is held back as long as the plan draws."""
    low, high = plan["delay_ms"]
    if not high:
        while True:
            data = receive()
            if not data:
                return
            send(data)
    held = queue.Queue(maxsize=1000)

    def release():
        while True:
            due, data = held.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if data is None:
                return
            send(data)

    releasing = threading.Thread(target=release, daemon=True)
    releasing.start()
    last = 0.0
    while True:
        data = receive()
        # In order: a chunk never overtakes the one before it.
        last = max(last, time.monotonic() + rng.uniform(low, high) / 1000)
        held.put((last, data or None))
        if not data:
            releasing.join()
            return


def both_ways(left_receive, left_send, right_receive, right_send, plan):
    seed = plan["seed"]
    back = threading.Thread(target=pump, args=(right_receive, left_send, plan, random.Random(seed + 1)), daemon=True)
    back.start()
    pump(left_receive, right_send, plan, random.Random(seed))


def by_select(outer, inner, buffer):
    """One thread for both directions; only for tunnels that wrap nothing."""
    while True:
        for ready in select.select([outer, inner], [], [])[0]:
            data = ready.recv(buffer)
            if not data:
                return
            (inner if ready is outer else outer).sendall(data)


def open_outer(plan):
    if plan["direction"] == "in":
        with wire.listen(plan["listen"][0], plan["listen"][1]) as listener:
            sock = listener.accept()[0]
    else:
        sock = wire.dial(plan["outside"][0], plan["outside"][1])
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if plan["tls"]:
        return wire.tls_server(sock, plan["certificate"]) if plan["direction"] == "in" else wire.tls_client(sock)
    return sock


def main():
    plan = json.loads(sys.argv[1])
    buffer, role = plan["buffer"], plan["role"]
    joint = Joint(*plan["joint"]) if plan.get("joint") else None
    if role == "inner":
        first = joint.recv(buffer)
        inner = wire.dial(plan["service"][0], plan["service"][1])
        inner.sendall(first)
        both_ways(lambda: joint.recv(buffer), joint.sendall, lambda: inner.recv(buffer), inner.sendall, plan)
        return
    tunnel = wire.Tunnel(open_outer(plan), plan["wrap"], plan["seed"])
    # A TLS or plain outer end holds the connection idle until somebody comes through it.
    first = tunnel.receive(buffer)
    if role == "outer":
        joint.sendall(first)
        quick = dict(plan, delay_ms=[0, 0])
        both_ways(lambda: tunnel.receive(buffer), tunnel.send, lambda: joint.recv(buffer), joint.sendall, quick)
        return
    inner = wire.dial(plan["service"][0], plan["service"][1])
    inner.sendall(first)
    if plan["threads"] == 1 and not any(plan["wrap"].values()) and not plan["tls"] and not plan["delay_ms"][1]:
        by_select(tunnel.sock, inner, buffer)
    else:
        both_ways(lambda: tunnel.receive(buffer), tunnel.send, lambda: inner.recv(buffer), inner.sendall, plan)


if __name__ == "__main__":
    try:
        main()
    except (OSError, EOFError):
        sys.exit(1)
