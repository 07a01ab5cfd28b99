"""Has a process of its own read a card's image, and takes its answers."""

import hashlib
from pathlib import Path

from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import ANY, MODELS, KnownRobot, load
from wachhund.robot_tree import card_process
from wachhund_evidence import MisuseError


def digest_of(path: Path) -> str:
    """SHA-256 of an image. Raises MisuseError."""
    try:
        with path.open("rb") as image:
            return hashlib.file_digest(image, "sha256").hexdigest()
    except OSError as error:
        raise MisuseError(f"audit: {path}: {error.strerror}: give an image of a card") from None


def read_card(path: Path, within_s: float = card_process.WITHIN_S) -> tuple[KnownRobot, list[Answer]]:
    """The model and the answers. Raises MisuseError: it is no image that can be read, and why."""
    try:
        said = card_process.answer("wachhund.inspection.card_child", path, within_s)
    except MisuseError as error:
        raise MisuseError(f"audit: {error}") from None
    robot = load(said["model"]) if said["model"] in MODELS else ANY
    return robot, list(map(Answer.from_json, said["answers"]))
