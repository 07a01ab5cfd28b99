"""Takes a camera's datagrams and passes them on. Usage: pictures.py PORT HOST HOST_PORT."""

import socket
import sys


def main():
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind(("", int(sys.argv[1])))
    mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while True:
        mouth.sendto(ear.recv(65536), (sys.argv[2], int(sys.argv[3])))


if __name__ == "__main__":
    main()
