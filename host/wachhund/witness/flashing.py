"""A board's folder onto a board, by mpremote over its own USB port: before it is mounted, never on the robot."""

import subprocess
import sys
from pathlib import Path

from wachhund_evidence import MisuseError, WachhundError

_LONGEST_S = 180.0


def steps(port: str, folder: Path) -> list[str]:
    """The arguments of mpremote. `main.py` goes last: a board that is cut off half way runs nothing."""
    for name in ("main.py", "board.py", "witness.json", "witness"):
        if not (folder / name).exists():
            raise MisuseError(f"FOLDER: {folder}: holds no {name}: give what `wachhund witness make` wrote")
    return [
        *("connect", port, "fs", "cp", "-r", "witness", ":", "+", "fs", "cp", "board.py", "witness.json", ":"),
        *("+", "fs", "cp", "main.py", ":", "+", "reset"),
    ]


def flash(port: str, folder: Path, program: tuple[str, ...] = (sys.executable, "-m", "mpremote")) -> None:
    """Copy it and let the board begin. Raises MisuseError, or WachhundError with mpremote's last line."""
    command = [*program, *steps(port, folder)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_LONGEST_S)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WachhundError(f"witness: {port}: mpremote: {error}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise WachhundError(
            f"witness: {port}: mpremote: {said[-1] if said else 'failed'}: is MicroPython on the board?"
        )
