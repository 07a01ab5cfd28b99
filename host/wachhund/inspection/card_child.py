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

from wachhund.inspection.card import Partition, partitions
from wachhund.inspection.card_files import CardFiles
from wachhund.inspection.examining import examine
from wachhund.inspection.files import CannotLook, Files, TooMuch

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
        print(json.dumps({"refused": f"reading it takes more than {MEMORY_BYTES >> 20} MiB: its file system is damaged"}))
    return 0


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as image:
        size = image.seek(0, io.SEEK_END)
        found = partitions(image, size)
        files = _root(image, found)
        robot, answers = examine(files)
    return {"model": robot.name, "answers": [answer.to_json() for answer in answers]}


def _root(image: io.BufferedReader, found: list[Partition]) -> Files:
    """The file system that a machine starts from."""
    damaged = None
    for partition in found:
        if partition.kind != "ext":
            continue
        try:
            files = Files(CardFiles(image, partition.start))
            if any(files.exists(mark) for mark in _MARKS):
                return files
        except CannotLook as error:
            damaged = error
    if damaged is not None:
        raise damaged
    if any(one.kind == "encrypted" for one in found):
        raise CannotLook("/", "the card is encrypted: open it where its key is, and audit the folder it is mounted at")
    kinds = ", ".join(one.kind for one in found)
    raise CannotLook("/", f"no Linux system on it: its file systems are {kinds}; ext2, ext3 and ext4 are read")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
