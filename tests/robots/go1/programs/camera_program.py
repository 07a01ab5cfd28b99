"""The Nanos' cameras: an endless multipart stream of made-up pictures. Usage: camera_program.py PORT ADDRESS..."""

import os
import socket
import sys
import threading
import time

PICTURES_PER_SECOND = 10
SMALLEST, LARGEST = 6000, 12000  # bytes of a picture
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: multipart/x-mixed-replace; boundary=picture\r\n\r\n"


def stream(taken: socket.socket) -> None:
    with taken:
        try:
            taken.recv(4096)
            taken.sendall(HEAD)
            while True:
                size = SMALLEST + int.from_bytes(os.urandom(4), "big") % (LARGEST - SMALLEST)
                picture = b"\xff\xd8" + os.urandom(size) + b"\xff\xd9"
                head = "--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n".format(len(picture))  # noqa: UP032
                taken.sendall(head.encode() + picture + b"\r\n")
                time.sleep(1 / PICTURES_PER_SECOND)
        except OSError:
            pass  # nobody looks any more


def serve(address: str, port: int) -> None:
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((address, port))
        door.listen(16)
        while True:
            threading.Thread(target=stream, args=(door.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    nanos = [threading.Thread(target=serve, args=(address, int(sys.argv[1]))) for address in sys.argv[2:]]
    for nano in nanos:
        nano.start()
