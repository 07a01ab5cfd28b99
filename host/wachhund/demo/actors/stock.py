"""What a robot does anyway: a watch loop that forks, a local web service and its reader, telemetry to the outside.

Usage: stock.py watch PAUSE | page | reader PORT | telemetry ADDRESS PORT. The watch loop does
what the vendor's `keep_sport_alive.sh` does: for ever `ps aux | grep | grep -v | awk`, then a pause.
"""

import http.server
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

LIST = "ps aux" if shutil.which("ps") else "cat /proc/loadavg"
WATCH = LIST + " | grep Legged_sport | grep -v grep | awk '{print $2}' >/dev/null"


class Page(http.server.BaseHTTPRequestHandler):
    """The robot's own status page, of a size that changes."""

    def do_GET(self) -> None:
        body = b"x" * random.randrange(200, 3000)  # noqa: S311 - a size
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        pass  # a page read each second is not worth a line


def watch(pause: float) -> None:
    """The vendor's loop: five processes a turn, most of them alive for some 10 ms."""
    while True:
        subprocess.run(["sh", "-c", WATCH], check=False)  # noqa: S603, S607 - a fixed line
        time.sleep(pause)


def read_page(port: int) -> None:
    """Ordinary local traffic: a short connection each second."""
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
            page.read()
        time.sleep(1)


def send_telemetry(address: str, port: int) -> None:
    """Ordinary traffic to the outside: one long connection, some bytes each second, no answer."""
    with socket.create_connection((address, port), timeout=10) as connection:
        while True:
            connection.sendall(os.urandom(random.randrange(80, 400)))  # noqa: S311 - a size
            time.sleep(1)


def serve_page() -> None:
    """The local web service; says its port first."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    print(json.dumps({"fact": "listening", "port": server.server_port}), flush=True)
    server.serve_forever()


def main() -> None:
    """Each role is a process of its own, as on the robot."""
    role, rest = sys.argv[1], sys.argv[2:]
    if role == "watch":
        job = threading.Thread(target=watch, args=(float(rest[0]),), daemon=True)
    elif role == "page":
        job = threading.Thread(target=serve_page, daemon=True)
    elif role == "reader":
        job = threading.Thread(target=read_page, args=(int(rest[0]),), daemon=True)
    else:
        job = threading.Thread(target=send_telemetry, args=(rest[0], int(rest[1])), daemon=True)
    job.start()
    while os.read(0, 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
