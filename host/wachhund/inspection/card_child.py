"""The process that reads a card's image for an audit.

    python -m wachhund.inspection.card_child IMAGE

Prints one JSON object: the model's name and the answers, or `refused` and why.
"""

import sys
from typing import Any

from wachhund.inspection.examining import examine
from wachhund.inspection.finding import Answer
from wachhund.robot_tree import card_process
from wachhund.robot_tree.card import Card, root
from wachhund.robot_tree.files import Files


def read(card: Card) -> dict[str, Any]:
    """The model and the answers. Raises CannotLook, TooMuch."""
    _, held = root(card)
    robot, answers = examine(Files(held))
    answers.append(_whole(held.lacks_bytes))
    return {"model": robot.name, "answers": [answer.to_json() for answer in answers]}


def _whole(lacks_bytes: int) -> Answer:
    missed = (f"the image is cut off: {lacks_bytes} bytes at its end are missing",) if lacks_bytes else ()
    return Answer("whole-image", "Is the image whole?", (), ("the end of its file system",), missed)


if __name__ == "__main__":
    sys.exit(card_process.main(read, sys.argv[1]))
