"""Everything that is outside in a scene: the person behind a relay, clients of a web application, the cloud.

`outside_program.py PLAN`, JSON. Prints "ready" when it listens. TLS cannot be read from two threads at once with
ease, so each connection belongs to one thread.
"""

import json
import random
import sys
import threading
import time

import wire

LISTENER_KNOWN_S = 2.5  # nobody calls a port that was just opened; the polling rung looks for listeners each second


class Through:
    """The far service as seen through a tunnel: looks like a socket to `ask`."""

    def __init__(self, tunnel, buffer):
        self._tunnel, self._buffer, self._left = tunnel, buffer, b""

    def sendall(self, data):
        self._tunnel.send(data)

    def recv(self, size):
        if not self._left:
            self._left = self._tunnel.receive(self._buffer)
        data, self._left = self._left[:size], self._left[size:]
        return data


def play(sock, session):
    for wait, size, wanted in session:
        time.sleep(wait)
        wire.ask(sock, size, wanted)


def controller(plan):
    """Somebody who comes in through a relay."""
    if plan["direction"] == "out":
        listener = wire.listen(plan["address"], plan["port"])
        print("ready", flush=True)
        sock = listener.accept()[0]
        if plan["tls"]:
            sock = wire.tls_server(sock, plan["certificate"])
    else:
        print("ready", flush=True)
        time.sleep(LISTENER_KNOWN_S)
        sock = dial_soon(plan["robot"])
        if plan["tls"]:
            sock = wire.tls_client(sock)
    time.sleep(plan["idle_s"])
    play(Through(wire.Tunnel(sock, plan["wrap"], plan["seed"] + 7), plan["buffer"]), plan["session"])


def dial_soon(target):
    for _ in range(100):
        try:
            return wire.dial(target[0], target[1])
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise ConnectionRefusedError


def cloud(plan):
    """Answers asks, after a round trip's time."""
    listener = wire.listen(plan["address"], plan["port"])
    print("ready", flush=True)
    rng = random.Random(plan["seed"])

    def serve(sock):
        try:
            while True:
                wire.answer(sock, lambda: time.sleep(rng.uniform(*plan["latency_s"])))
        except (EOFError, OSError):
            pass

    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


def clients(plan):
    """People who use a service of the robot, each with a session of their own."""
    print("ready", flush=True)

    def one(session):
        try:
            time.sleep(LISTENER_KNOWN_S)
            play(dial_soon(plan["robot"]), session)
        except (EOFError, OSError):
            pass

    threads = [threading.Thread(target=one, args=(session,), daemon=True) for session in plan["sessions"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.sleep(60)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    try:
        {"controller": controller, "cloud": cloud, "clients": clients}[given["role"]](given)
    except (OSError, EOFError):
        sys.exit(1)
    time.sleep(60)
