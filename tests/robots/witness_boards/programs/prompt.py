"""MicroPython's unix port with what it lacks of a board that is flashed: the raw prompt that mpremote speaks to.

On standard input and output, a pseudo-terminal; in the folder that is the board's flash. What mpremote sends is run by
MicroPython itself (docs.micropython.org, "Raw mode"); raw-paste mode is refused, as a small board may.
"""

import io
import os
import sys

import machine  # noqa: F401  # found now, while this file's folder is there to be searched

_INTERRUPT, _RAW, _END, _PASTE = b"\x03", b"\x01", b"\x04", b"\x05"
_GREETING = b"raw REPL; CTRL-B to exit\r\n>"


def say(what: bytes) -> None:
    sys.stdout.buffer.write(what)


def told() -> bytes:
    """One program, up to its end; what asks for another mode is answered on the way."""
    program = b""
    while True:
        byte = sys.stdin.buffer.read(1)
        if not byte:
            raise EOFError("nobody holds the other end, and no reset was asked for")
        if byte == _END:
            return program
        program += byte
        if byte in (_INTERRUPT, _RAW):
            if byte == _RAW and program != _PASTE + b"A" + _RAW:
                say(_GREETING)
            if program == _PASTE + b"A" + _RAW:
                say(b"R\x00")
            program = b""


folder = os.getcwd()  # before the root goes: afterwards it is "/", and that of the machine
assert folder != "/"
flash = os.VfsPosix(folder)
os.umount("/")
os.mount(flash, "/")  # as on a board: the flash is all that there is
os.chdir("/")
names: "dict[str, object]" = {}
while True:
    program = told()
    say(b"OK")
    if not program:
        names.clear()
        say(b"\r\nMPY: soft reboot\r\n" + _GREETING)
        continue
    trouble = io.StringIO()
    try:
        exec(program.decode(), names)
    except Exception as error:  # noqa: BLE001  # a prompt goes on, whatever it was told to run
        sys.print_exception(error, trouble)
    say(_END + trouble.getvalue().encode() + _END + b">")
