"""A storm of short things: N processes and N TCP connections a second, each living some 10 ms. Run as a program.

Prints one JSON line: how many of each were really made, so that an observer can be held against it.
"""

import argparse
import json
import os
import socket
import subprocess
import threading
import time

PROGRAM = ("/bin/sleep", "0.01")


def _paced(rate: float, seconds: float, act) -> int:  # type: ignore[no-untyped-def]
    made = 0
    start = time.monotonic()
    while made < int(rate * seconds):
        act()
        made += 1
        time.sleep(max(0.0, start + made / rate - time.monotonic()))
    return made


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection:
        connection.sendall(connection.recv(64))
        connection.recv(64)


def _connect(address: "tuple[str, int]", pending: "list[threading.Thread]") -> None:
    def talk() -> None:
        with socket.create_connection(address) as client:
            client.sendall(b"hello")
            client.recv(64)
            time.sleep(0.01)

    thread = threading.Thread(target=talk)
    thread.start()
    pending.append(thread)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="of each, a second")
    parser.add_argument("--seconds", type=float, default=8.0)
    arguments = parser.parse_args()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    threading.Thread(target=_serve, args=(listener,), daemon=True).start()
    children: list[subprocess.Popen[bytes]] = []
    connections: list[threading.Thread] = []
    made = {"pid": os.getpid(), "port": listener.getsockname()[1]}

    def processes() -> None:
        made["processes"] = _paced(
            arguments.rate, arguments.seconds, lambda: children.append(subprocess.Popen(PROGRAM))
        )

    thread = threading.Thread(target=processes)
    thread.start()
    address = listener.getsockname()
    made["connections"] = _paced(arguments.rate, arguments.seconds, lambda: _connect(address, connections))
    thread.join()
    for child in children:
        child.wait()
    for connection in connections:
        connection.join()
    print(json.dumps(made), flush=True)


if __name__ == "__main__":
    main()
