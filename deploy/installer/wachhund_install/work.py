"""What the steps of one run are given."""

import sys
import time
from pathlib import Path
from typing import Callable, NamedTuple, Optional

from wachhund_install.bundle import Bundle
from wachhund_install.disk import Disk
from wachhund_install.outcome import NOT_INSTALLED, Refused, Telling
from wachhund_install.places import PREFIX_NEW, Places
from wachhund_install.services import Services


class Options(NamedTuple):
    """`token`: an invitation, to enrol with. `within_s`: how long a receipt may take; 0: nobody waits for one.

    `older`: a version from before the installed one is wanted. `python`: which runs the agent.

    `keep_changed`: a vendor's file that was changed after its backup stays as it is. `starts`: the agent is started.
    """

    token: Optional[str] = None
    within_s: int = 120
    older: bool = False
    dry_run: bool = False
    python: str = sys.executable
    keep_changed: bool = False
    starts: bool = True


class Work(NamedTuple):
    """`bundle_file`: None when it runs from an installed version, which can't install."""

    places: Places
    disk: Disk
    services: Services
    telling: Telling
    options: Options
    bundle_file: Optional[Bundle]
    mono: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @property
    def bundle(self) -> Bundle:
        if self.bundle_file is None:
            raise Refused(NOT_INSTALLED, "there is no bundle here: run the .run file")
        return self.bundle_file

    @property
    def new(self) -> Path:
        """Where the version is made, before it has its name."""
        return self.places.versions / (PREFIX_NEW + self.bundle.name)

    @property
    def version(self) -> Path:
        return self.places.versions / self.bundle.name

    def current_name(self) -> Optional[str]:
        """The version that `current` leads to."""
        try:
            target = Path(str(self.places.current.resolve(strict=True)))
        except (OSError, RuntimeError):
            return None
        return target.name if target.parent.name == "versions" else None

    def is_enrolled(self) -> bool:
        return self.places.config.is_file()
