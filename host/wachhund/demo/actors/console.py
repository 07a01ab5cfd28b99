"""A service that listens on loopback only: the robot's console, one command a line.

It says when a connection was accepted, and when it had sent its first 4,096 bytes over it. Commands: status, joints,
log, bye. What it answers is made up; that it is used, and by whom, is what the scene is about.
"""

import json
import os
import socket
import sys
import threading
import time

# Where robots offer a console: telnet, the ROS master, a web service. The first that is free, else any port.
PORTS = (23, 11311, 8080, 1883, 0)
CERTAIN_BYTES = 4096  # from here on the promised time to certainty counts


def fact(name: str, **fields: object) -> None:
    """One JSON line to the demo. Times are the clock of this machine, in seconds."""
    sys.stdout.write(json.dumps({"fact": name, "mono": time.monotonic(), **fields}) + "\n")
    sys.stdout.flush()


def end_with_input() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


def listen() -> socket.socket:
    """A listener on the first port of PORTS that this user may have."""
    for port in PORTS[:-1]:
        try:
            return socket.create_server(("127.0.0.1", port), backlog=4)
        except OSError:
            continue
    return socket.create_server(("127.0.0.1", PORTS[-1]), backlog=4)


def answer(command: str) -> str:
    """What the console says to one command."""
    if command == "status":
        return "battery 81 %, mode idle, 12 joints well\n"
    if command == "joints":
        return "".join(f"joint {joint:2d}  angle {joint * 0.17 - 1:+.3f} rad  {30 + joint} C\n" for joint in range(12))
    if command == "log":
        return "".join(f"{second:5d}.000 legged_sport: step {second * 7} balanced\n" for second in range(30))
    return f"unknown command: {command[:40]}\n"


def serve(connection: socket.socket) -> None:
    """One user of the console, until `bye` or the end of the connection."""
    fact("accepted")
    sent = 0
    with connection, connection.makefile("r", encoding="utf-8", errors="backslashreplace") as lines:
        for line in lines:
            command = line.strip()
            if command == "bye":
                return
            said = answer(command).encode()
            connection.sendall(said)
            if sent < CERTAIN_BYTES <= sent + len(said):
                fact("fourth kilobyte")
            sent += len(said)


def main() -> None:
    threading.Thread(target=end_with_input, name="end-with-input", daemon=True).start()
    with listen() as listener:
        fact("listening", port=listener.getsockname()[1])
        while True:
            serve(listener.accept()[0])


if __name__ == "__main__":
    main()
