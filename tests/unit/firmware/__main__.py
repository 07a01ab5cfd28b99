"""`make firmware`: the witness compiled for both boards, and the long forms of its tests on MicroPython."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.unit.firmware import micropython

ARCHITECTURES = {"pico_w": "armv6m", "esp32": "xtensawin"}
_POWER_CUT_BOOTS = 32


def compiled(architecture: str, source: Path, folder: Path) -> int:
    """The bytes of what mpy-cross makes of `source` for a processor. Raises CalledProcessError."""
    made = folder / source.with_suffix(".mpy").name
    subprocess.run([sys.executable, "-m", "mpy_cross", f"-march={architecture}", "-o", made, source], check=True)
    return made.stat().st_size


def sizes(board: str, folder: Path) -> dict[str, int]:
    """What each file of a board takes there, compiled."""
    files = [*sorted((micropython.FIRMWARE / "witness").glob("*.py")), micropython.FIRMWARE / "boards" / f"{board}.py"]
    return {file.name: compiled(ARCHITECTURES[board], file, folder) for file in files}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make firmware", description=__doc__)
    parser.add_argument("--statements", type=int, default=1_000_000, help="one each 10 s of simulated time")
    parser.add_argument("--lines", type=int, default=1_000_000, help="of noise on the wire")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for board, architecture in ARCHITECTURES.items():
            found = sizes(board, folder)
            print(f"{board} ({architecture}): {sum(found.values())} bytes compiled: {found}")
        steps = (
            ("speed.py", (folder,), "100k"),
            ("power_cut.py", (_POWER_CUT_BOOTS,), "8m"),
            ("fuzz.py", (wanted.lines, 1), "100k"),
            ("long_run.py", (wanted.statements, 10_000, folder), "100k"),
        )
        for script, arguments, heap in steps:
            print(f"{script} (heap {heap})", flush=True)
            subprocess.run(micropython.command(script, *arguments, heap=heap), check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
