"""The robot as a context: everything stands when it is entered, everything is gone when it is left."""

import os
from pathlib import Path
from typing import Self

from tests.robots.go1 import leftovers, noise, services, wiring
from tests.robots.go1.namespace import Namespace
from tests.robots.go1.private_files import PrivateFiles


class Go1:
    """`folder` is made if it is missing. `enrolled`: the vendor's cloud knows this robot, as its broker tells.

    `pi`, `nanos`, `phone`, `lab` and `internet` are the places where programs can be started.
    """

    def __init__(self, folder: Path, enrolled: bool = False) -> None:
        self._enrolled = enrolled
        self._files = PrivateFiles(folder.absolute())
        self.etc, self.home, self.log, self.run = (
            self._files.etc,
            self._files.home,
            self._files.log,
            self._files.run,
        )
        self._places: list[Namespace] = []

    @property
    def auth_log(self) -> Path:
        """What the Pi's sshd says, as syslog writes it."""
        return self.log / "auth.log"

    @property
    def utmp(self) -> Path:
        """Who is logged in on the Pi now."""
        return self.run / "utmp"

    @property
    def wtmp(self) -> Path:
        """Who was logged in on the Pi."""
        return self.log / "wtmp"

    def __enter__(self) -> Self:
        assert os.geteuid() == 0, "a Go1 needs root: it makes network namespaces with addresses of their own"
        lacking = services.missing()
        assert not lacking, f"a Go1 needs {', '.join(lacking)}: install them as .ci/run does"
        leftovers.remove_stale()
        try:
            self._files.make()
            tag = leftovers.new_tag()
            self.pi, self.nanos, self.lab, self.phone, self.internet = (
                self._place(tag, name) for name in ("pi", "nanos", "lab", "phone", "internet")
            )
            self.pi.give_own_files(self._files.mounts())
            wiring.lay(self.pi, self.nanos, self.lab, self.phone, self.internet)
            services.start(self.pi, self.nanos, self.internet, self._enrolled, self.log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _place(self, tag: str, name: str) -> Namespace:
        place = Namespace(f"{tag}-{name}", self.log / f"programs-{name}.out")
        self._places.append(place)
        return place

    def __exit__(self, *_: object) -> None:
        leftovers.remove(*(place.name for place in self._places))
        for place in self._places:
            place.wait_for_children()
        self._files.remove()

    def start_noise(self, speed: float = 1.0) -> list[int]:
        """Let the robot do for ever what a stock one does, `speed` times as often. Returns the pids of who does it."""
        return noise.start(self.pi, speed)

    def ssh(self, *arguments: str) -> list[str]:
        """An ssh command line with the key that opens pi, and no settings of this machine."""
        options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
        return ["ssh", "-F", "none", "-i", str(self._files.login_key), *(f"-o{one}" for one in options), *arguments]
