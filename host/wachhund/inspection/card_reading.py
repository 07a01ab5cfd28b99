"""Has a process of its own read a card's image, and takes its answers."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from wachhund.inspection.card_child import PROCESSOR_S
from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import ANY, MODELS, KnownRobot, load
from wachhund_evidence import MisuseError

_MAX_OUTPUT_BYTES = 64 << 20


def digest_of(path: Path) -> str:
    """SHA-256 of an image. Raises MisuseError."""
    try:
        with path.open("rb") as image:
            return hashlib.file_digest(image, "sha256").hexdigest()
    except OSError as error:
        raise MisuseError(f"audit: {path}: {error.strerror}: give an image of a card") from None


def read_card(path: Path, within_s: float = 2.0 * PROCESSOR_S) -> tuple[KnownRobot, list[Answer]]:
    """The model and the answers. Raises MisuseError: it is no image that can be read, and why."""
    command = [sys.executable, "-m", "wachhund.inspection.card_child", str(path.resolve())]
    try:
        done = subprocess.run(  # noqa: S603  our own program
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=within_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise MisuseError(f"audit: {path}: not read within {within_s:.0f} s: its file system is damaged") from None
    if done.returncode != 0 or len(done.stdout) > _MAX_OUTPUT_BYTES:
        raise MisuseError(f"audit: {path}: reading it ended early ({done.returncode}): its file system is damaged")
    said = json.loads(done.stdout)
    if "refused" in said:
        raise MisuseError(f"audit: {path}: {said['refused']}")
    robot = load(said["model"]) if said["model"] in MODELS else ANY
    return robot, list(map(Answer.from_json, said["answers"]))
