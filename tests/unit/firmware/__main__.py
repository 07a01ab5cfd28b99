"""`make firmware`: the witness compiled for both boards, and the long forms of its tests on MicroPython."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.unit.firmware import micropython

ARCHITECTURES = {"pico_w": "armv6m", "esp32": "xtensawin"}
_POWER_CUT_BOOTS = 32
_LEFT_OPEN = "OSError: [Errno 5] EIO"
# What an RP2040 at 125 MHz takes, in milliseconds: where each comes from, decision 0076.
PICO_MS = {"fibo(20)": 657.0, "bubble sort of 2,000": 42_500.0}


def on_a_pico_ms(printed: str) -> dict[str, float]:
    """What speed.py printed, as milliseconds of a statement on a Pico, by each of the two programs beside it."""
    *measures, statement = map(float, printed.split())
    return {name: statement / here * there for here, (name, there) in zip(measures, PICO_MS.items(), strict=True)}


def compiled(architecture: str, source: Path, folder: Path) -> int:
    """The bytes of what mpy-cross makes of `source` for a processor. Raises CalledProcessError."""
    made = folder / source.with_suffix(".mpy").name
    subprocess.run([sys.executable, "-m", "mpy_cross", f"-march={architecture}", "-o", made, source], check=True)
    return made.stat().st_size


def sizes(board: str, folder: Path) -> dict[str, int]:
    """What each file of a board takes there, compiled."""
    files = [*sorted((micropython.FIRMWARE / "witness").glob("*.py")), micropython.FIRMWARE / "boards" / f"{board}.py"]
    return {file.name: compiled(ARCHITECTURES[board], file, folder) for file in files}


def follow(command: list[str]) -> None:
    """Print what a script prints, as it comes, but for what MicroPython says of files that a cut left open.

    Raises CalledProcessError when it failed. The package that brings MicroPython ends with 0 whatever it ran ends with,
    and MicroPython tells its tracebacks on standard output.
    """
    failed = False
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as script:
        assert script.stdout is not None
        for line in script.stdout:
            if line.strip() != _LEFT_OPEN:
                failed = failed or line.startswith("Traceback")
                print(line, end="", flush=True)
    if failed or script.returncode:
        raise subprocess.CalledProcessError(script.returncode or 1, command)


def told_speed(printed: str) -> None:
    """Print what a statement takes here, and on a Pico."""
    print(f"microseconds here: {', '.join(PICO_MS)}, a statement: {printed.strip()}")
    for name, ms in on_a_pico_ms(printed).items():
        print(f"a statement on a Pico, by {name}: {ms:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make firmware", description=__doc__)
    parser.add_argument("--statements", type=int, default=1_000_000, help="one each 10 s of simulated time")
    parser.add_argument("--lines", type=int, default=1_000_000, help="of noise on the wire, at either end")
    parser.add_argument("--agent-python", metavar="PROGRAM", default=sys.executable, help="whose Python the agent's is")
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
            if script == "speed.py":
                told_speed(micropython.run(script, *arguments, heap=heap))
            else:
                follow(micropython.command(script, *arguments, heap=heap))
        subprocess.run([wanted.agent_python, "-m", "tests.robots.serial_noise", str(wanted.lines)], check=True)


if __name__ == "__main__":
    main()
