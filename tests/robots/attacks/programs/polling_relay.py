"""A relay that holds no line: it asks a web server again and again, each time by a connection of its own.

Usage: polling_relay.py HOST PORT INNER_HOST INNER_PORT MILLISECONDS. What comes from inside goes with a request, what
comes from outside with its answer.
"""

import http.client
import select
import socket
import sys
import time

PIECE = 16384
CLOSED, VISITOR = "X-Closed", "X-Visitor"


def main():
    host, port, inner_host, inner_port, pause_ms = sys.argv[1:6]
    service, pause = None, int(pause_ms) / 1000
    while True:
        data, head = b"", {}
        if service is None:
            time.sleep(pause)
        elif select.select([service], [], [], pause)[0]:
            data = service.recv(PIECE)
            if not data:
                head = {CLOSED: "1"}
                service.close()
                service = None
        line = http.client.HTTPConnection(host, int(port), timeout=10)
        try:
            line.request("POST", "/news", data, head)
            answer = line.getresponse()
            told, there = answer.read(), answer.getheader(VISITOR) == "1"
        except (OSError, http.client.HTTPException):
            time.sleep(1)
            continue
        finally:
            line.close()
        if not there and service is not None:
            service.close()
            service = None
        elif there and service is None and not head:
            service = socket.create_connection((inner_host, int(inner_port)))
        if told and service is not None:
            service.sendall(told)


if __name__ == "__main__":
    main()
