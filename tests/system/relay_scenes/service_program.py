"""A service of the robot that answers asks. `service_program.py ADDRESS PORT`.

Prints "ready", then "open MONO" at each connection and "4k MONO" when 4096 bytes have moved on one.
"""

import sys
import threading
import time

import wire


def serve(sock):
    print("open", time.monotonic(), flush=True)
    moved, told = 0, False
    try:
        while True:
            moved += wire.answer(sock)
            if moved >= 4096 and not told:
                told = True
                print("4k", time.monotonic(), flush=True)
    except (EOFError, OSError):
        return


if __name__ == "__main__":
    listener = wire.listen(sys.argv[1], int(sys.argv[2]))
    print("ready", flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
