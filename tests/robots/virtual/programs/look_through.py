"""Looks through a V4L2 camera, as any viewer does: asks what it is, reads pictures, and stays until its input ends.

Usage: CAMERA. Prints the driver and the bytes of three pictures. Python 3.7.
"""

import fcntl
import os
import struct
import sys

# VIDIOC_QUERYCAP, with what it fills in: driver, card, bus, version, capabilities, reserved (linux/videodev2.h).
_CAPABILITY = struct.Struct("16s32s32sIII3I")
_QUERYCAP = (2 << 30) | (_CAPABILITY.size << 16) | (ord("V") << 8)
_PICTURES = 3
_MAX_BYTES = 64 << 20


def main() -> None:
    camera = os.open(sys.argv[1], os.O_RDWR)
    found = bytearray(_CAPABILITY.size)
    fcntl.ioctl(camera, _QUERYCAP, found)
    driver = _CAPABILITY.unpack(found)[0].rstrip(b"\0").decode("ascii")
    sizes = [len(os.read(camera, _MAX_BYTES)) for _ in range(_PICTURES)]
    sys.stdout.write("{} {}\n".format(driver, " ".join(map(str, sizes))))
    sys.stdout.flush()
    sys.stdin.read()


main()
