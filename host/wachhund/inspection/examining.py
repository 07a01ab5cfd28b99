"""All questions that a robot's files can answer, asked in one order."""

from collections.abc import Callable

from wachhund.inspection import broker, forwarding, known_files, packages, passwords, remote_login, starting, tunnels
from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import KnownRobot, recognise
from wachhund.inspection.services import open_services
from wachhund.inspection.web_pages import PLACES as PAGES
from wachhund.inspection.web_pages import open_pages
from wachhund.robot_tree.files import Files

Question = Callable[[Files, KnownRobot], Answer]

QUESTIONS: tuple[Question, ...] = (
    tunnels.vendor_tunnel,
    passwords.default_passwords,
    remote_login.remote_login,
    broker.open_broker,
    open_pages,
    open_services,
    forwarding.forwarding,
    starting.starting,
    known_files.known_files,
    packages.old_packages,
)
# What of a robot's tree the questions read: all that a running robot is asked for.
PLACES = (
    tuple(
        dict.fromkeys(
            place
            for part in (tunnels, passwords, remote_login, broker, forwarding, starting, known_files, packages)
            for place in part.PLACES
        )
    )
    + PAGES
)


def examine(files: Files) -> tuple[KnownRobot, list[Answer]]:
    """The model, and the answers in the order of QUESTIONS. Raises TooMuch."""
    robot = recognise(files)
    return robot, [ask(files, robot) for ask in QUESTIONS]
