"""Does the robot's web server show cameras, or hand on to the broker, without asking who looks?"""

import re

from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import KnownRobot
from wachhund.inspection.looking import Look
from wachhund.robot_tree.files import Files

PLACES = ("/etc/nginx",)
_CONFIG = "/etc/nginx/nginx.conf"
_FOLDERS = ("/etc/nginx/conf.d", "/etc/nginx/sites-enabled")
_PASSES_ON = re.compile(r"location\s+([^\s{]+)\s*\{[^{}]*?proxy_pass\s+([^;\s]+)", re.DOTALL)
_ASKS = re.compile(r"\b(auth_basic|auth_request|auth_jwt|ssl_verify_client)\b")


def open_pages(files: Files, _robot: KnownRobot) -> Answer:
    """nginx's locations that pass on to another program or board."""
    look = Look(files, "open-pages", "Does the robot's web server show its cameras to anybody?")
    paths = [_CONFIG] if look.place(_CONFIG) is not None else []
    paths += [f"{folder}/{name}" for folder in _FOLDERS for name in look.names(folder)]
    passed_on, asks = [], False
    for path in paths:
        text = "\n".join(line.partition("#")[0] for line in look.lines(path) or ())
        asks = asks or _ASKS.search(text) is not None
        passed_on += [f"{path}: {place} leads to {to}" for place, to in _PASSES_ON.findall(text)]
    if passed_on and not asks:
        look.found(
            "pages-ask-nobody", "medium", "The robot's web server hands on to cameras or programs and asks nobody",
            passed_on,
            "Whoever reaches the robot's port 80, from its access point or by a tunnel, looks through its cameras.",
            ("Put auth_basic before the locations, or let nginx listen where only you are",), "wachhund audit again",
            ("T1125", "CWE-306"),
        )  # fmt: skip
    return look.answer()
