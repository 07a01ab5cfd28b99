"""The process that reads a card's image: bounded in memory and time, since what it reads may be made to hurt.

    python -m wachhund.inspection.card_child IMAGE

Prints one JSON object: the model's name and the answers, or `refused` and why.
"""

import io
import json
import resource
import sys
from pathlib import Path
from typing import Any

from wachhund.inspection.card import Card, CardFiles, FileSystem, file_systems
from wachhund.inspection.examining import examine
from wachhund.inspection.files import CannotLook, Files, TooMuch
from wachhund.inspection.finding import Answer

MEMORY_BYTES = 1 << 30
PROCESSOR_S = 600
_MARKS = ("/etc/os-release", "/etc/passwd", "/usr/lib/os-release", "/etc/debian_version")


def main(path: str) -> int:
    """Read and print. Whatever goes wrong is an answer too."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes nowhere
    try:
        print(json.dumps(_read(Path(path))))
    except (CannotLook, TooMuch) as error:
        print(json.dumps({"refused": str(error)}))
    except MemoryError:
        why = f"reading it takes more than {MEMORY_BYTES >> 20} MiB: its file system is damaged"
        print(json.dumps({"refused": why}))
    return 0


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as image:
        card = Card(image, image.seek(0, io.SEEK_END))
        held = _root(card, file_systems(card))
        robot, answers = examine(Files(held))
        answers.append(_whole(held.lacks_bytes))
    return {"model": robot.name, "answers": [answer.to_json() for answer in answers]}


def _root(card: Card, found: list[FileSystem]) -> CardFiles:
    """The file system that a machine starts from."""
    damaged = None
    for one in found:
        if one.kind != "ext":
            continue
        try:
            held = CardFiles(card, one.start)
            if any(Files(held).exists(mark) for mark in _MARKS):
                return held
        except CannotLook as error:
            damaged = error
    if damaged is not None:
        raise damaged
    if any(one.kind == "encrypted" for one in found):
        raise CannotLook("/", "the card is encrypted: open it where its key is, and audit the folder it is mounted at")
    kinds = ", ".join(one.kind for one in found)
    raise CannotLook("/", f"no Linux system on it: its file systems are {kinds}; ext2, ext3 and ext4 are read")


def _whole(lacks_bytes: int) -> Answer:
    missed = (f"the image is cut off: {lacks_bytes} bytes at its end are missing",) if lacks_bytes else ()
    return Answer("whole-image", "Is the image whole?", (), ("the end of its file system",), missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
