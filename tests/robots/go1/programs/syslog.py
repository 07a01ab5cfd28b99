"""The least of a log daemon: messages of syslog(3) become lines as rsyslog writes them. Usage: SOCKET FILE."""

import os
import re
import socket
import sys
import time

PRIORITY = re.compile(rb"<\d+>(?:\w{3} [ \d]\d \d\d:\d\d:\d\d )?")


def main() -> None:
    host = os.uname().nodename.encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door, open(sys.argv[2], "ab", 0) as out:  # noqa: PTH123
        # Bound elsewhere first: who waits for the socket may write to it at once.
        door.bind(sys.argv[1] + ".new")
        os.chmod(sys.argv[1] + ".new", 0o666)  # noqa: PTH101
        os.rename(sys.argv[1] + ".new", sys.argv[1])  # noqa: PTH104
        while True:
            said = PRIORITY.sub(b"", door.recv(8192), 1).rstrip(b"\n\0")
            out.write(time.strftime("%b %e %H:%M:%S ").encode() + host + b" " + said + b"\n")


if __name__ == "__main__":
    main()
