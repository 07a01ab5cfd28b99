"""Who stands outside: waits for the relay to call, and comes in through it when told to.

Usage: outsider.py ADDRESS SEED. Commands on standard input: `enter PORT` comes in and uses the console at PORT of the
robot's loopback, `leave` says bye. A second port takes the robot's ordinary telemetry.
"""

import json
import os
import random
import selectors
import socket
import sys
import threading
import time

COMMANDS = ("status", "joints", "log", "joints", "log", "status", "log")


def fact(name: str, **fields: object) -> None:
    sys.stdout.write(json.dumps({"fact": name, "mono": time.monotonic(), **fields}) + "\n")
    sys.stdout.flush()


def swallow(listener: socket.socket) -> None:
    """Take what ordinary programs of the robot send, and say nothing back."""
    while True:
        connection = listener.accept()[0]
        with connection:
            while connection.recv(65536):
                pass


def read_for(caller: socket.socket, seconds: float) -> int:
    """Read what comes for about `seconds`; returns the bytes read. Ends the process when the relay has gone."""
    read, until = 0, time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(caller, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0:
            if selector.select(left):
                piece = caller.recv(65536)
                if not piece:
                    fact("relay gone")
                    os._exit(0)
                read += len(piece)
    return read


def visit(caller: socket.socket, port: int, chance: random.Random, leave: threading.Event) -> None:
    """Come in and work at the console as a person does: a command, a look at the answer, the next."""
    caller.sendall(b"%d\n" % port)
    fact("entered")
    read = read_for(caller, 0.3)
    while not leave.is_set():
        caller.sendall(chance.choice(COMMANDS).encode() + b"\n")
        read += read_for(caller, chance.uniform(0.3, 1.1))
    caller.sendall(b"bye\n")
    fact("left", bytes_read=read + read_for(caller, 0.3))


def main() -> None:
    address, chance = sys.argv[1], random.Random(int(sys.argv[2]))  # noqa: S311 - a habit, no secret
    leave = threading.Event()
    meeting = socket.create_server((address, 0), backlog=1)
    telemetry = socket.create_server((address, 0), backlog=4)
    threading.Thread(target=swallow, args=(telemetry,), name="telemetry", daemon=True).start()
    fact("listening", port=meeting.getsockname()[1], telemetry_port=telemetry.getsockname()[1])
    caller = meeting.accept()[0]
    fact("called")
    for line in sys.stdin:
        words = line.split()
        if words[0] == "enter":
            work = (caller, int(words[1]), chance, leave)
            threading.Thread(target=visit, args=work, name="visit", daemon=True).start()
        elif words[0] == "leave":
            leave.set()
    os._exit(0)


if __name__ == "__main__":
    main()
