"""A process of its own for reading a card's image: bounded in memory and time, since what it reads may be made to hurt.

It prints one JSON object: its answer, or `refused` and why.
"""

import io
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wachhund.robot_tree.card import Card
from wachhund.robot_tree.files import CannotLook, TooMuch
from wachhund_evidence import MisuseError

MEMORY_BYTES = 1 << 30
PROCESSOR_S = 600
WITHIN_S = 2.0 * PROCESSOR_S
_MAX_OUTPUT_BYTES = 64 << 20


def answer(module: str, path: Path, within_s: float = WITHIN_S) -> dict[str, Any]:
    """What a module of ours, run on an image, answers. Raises MisuseError: it can't be read, and why."""
    command = [sys.executable, "-m", module, str(path.resolve())]
    try:
        done = subprocess.run(  # noqa: S603  our own program
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=within_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise MisuseError(f"{path}: not read within {within_s:.0f} s: its file system is damaged") from None
    if done.returncode != 0 or len(done.stdout) > _MAX_OUTPUT_BYTES:
        raise MisuseError(f"{path}: reading it ended early ({done.returncode}): its file system is damaged")
    said: dict[str, Any] = json.loads(done.stdout)
    if "refused" in said:
        raise MisuseError(f"{path}: {said['refused']}")
    return said


def main(read: Callable[[Card], Mapping[str, Any]], path: str) -> int:
    """The process itself: read and print. Whatever goes wrong is an answer too."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes nowhere
    try:
        with Path(path).open("rb") as image:
            print(json.dumps(read(Card(image, image.seek(0, io.SEEK_END)))))
    except OSError as error:
        print(json.dumps({"refused": f"{error.strerror}: give an image of a card"}))
    except (CannotLook, TooMuch) as error:
        print(json.dumps({"refused": str(error)}))
    except MemoryError:
        why = f"reading it takes more than {MEMORY_BYTES >> 20} MiB: its file system is damaged"
        print(json.dumps({"refused": why}))
    return 0
