"""On MicroPython: the MAC and token functions on vectors. Arguments: the firmware's folder, a file of lines.

`mac KEY MESSAGE` prints the MAC; `jws KEY TOKEN` prints `valid` or `invalid`. All in hexadecimal digits, `-` for none.
"""

import binascii
import sys

sys.path.insert(0, sys.argv[1])

from witness import jws


def octets(text: str) -> bytes:
    return b"" if text == "-" else binascii.unhexlify(text)


with open(sys.argv[2]) as file:
    for line in file:
        what, key, rest = line.split()
        mac = jws.Mac(octets(key))
        if what == "mac":
            print(binascii.hexlify(mac.of(octets(rest))).decode())
        else:
            print("invalid" if jws.open_token(octets(rest), None, mac) is None else "valid")
