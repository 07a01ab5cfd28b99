"""The agent's own files, as places that its persistence sense watches: who changes them changes what will be told.

Its unit is among systemd's files. What Python compiled from the code (`__pycache__`) is not watched: Python itself
writes it.
"""

import glob
import os
from pathlib import Path
from typing import Tuple

import wachhund_agent
import wachhund_evidence
from wachhund_agent.sensors.persistence_places import Place

PLACE_CLASS = "agent"
_BELOW = ("*.py", "*/*.py")  # as deep as our packages are


def code_places() -> Tuple[Place, ...]:
    """The Python files of the two packages that run here, where they were imported from."""
    folders = [os.path.dirname(os.path.abspath(str(module.__file__))) for module in (wachhund_agent, wachhund_evidence)]
    return tuple(Place(os.path.join(glob.escape(folder), below), PLACE_CLASS) for folder in folders for below in _BELOW)


def given_places(config: Path, key: Path) -> Tuple[Place, ...]:
    """The configuration, and the private key: that it changed is told, nothing of what is in it."""
    return (
        Place(glob.escape(os.path.abspath(str(config))), PLACE_CLASS),
        Place(glob.escape(os.path.abspath(str(key))), PLACE_CLASS, secret=True),
    )
