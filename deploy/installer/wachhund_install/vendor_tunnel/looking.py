"""What there is of the vendor's tunnel on this robot. Nothing is changed; no value of its enrolment is read."""

import os
import re
import subprocess
from typing import List, NamedTuple, Optional, Set, Tuple

from wachhund_install.services import Services
from wachhund_install.vendor_tunnel import known, processes, vendor_file
from wachhund_install.vendor_tunnel.processes import Running
from wachhund_install.vendor_tunnel.record import KeptLink
from wachhund_install.vendor_tunnel.vendor_file import Content
from wachhund_install.work import Work

_MAX_UNIT_BYTES = 64 << 10
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.-]*\.service\Z")  # no option of systemctl, no template
_ASK_S = 3.0
_ACTIVE = ("active", "activating", "reloading")


class Service(NamedTuple):
    """`links`: by which it starts with the robot. `is_active`: it runs, or is about to."""

    name: str
    links: Tuple[KeptLink, ...]
    is_active: bool


class Found(NamedTuple):
    """`start_list`: as it is, where it names the tunnel."""

    start_list: Optional[Content]
    services: Tuple[Service, ...]
    running: Tuple[Running, ...]
    installed: Tuple[str, ...]

    @property
    def is_on(self) -> bool:
        """Whether it runs, or something starts it."""
        return bool(self.start_list or self.running or any(one.links or one.is_active for one in self.services))


def look(work: Work) -> Found:
    """Raises Refused, OSError."""
    is_there = os.path.lexists(str(work.places.at(known.START_LIST)))
    content = vendor_file.read(work.places.root, known.START_LIST) if is_there else None
    if content is not None and known.without_the_word(content.data) == content.data:
        content = None
    installed = tuple(
        "{} ({})".format(what, path) for what, path in known.INSTALLED if os.path.lexists(str(work.places.at(path)))
    )
    return Found(content, tuple(_services(work)), tuple(processes.running(work)), installed)


def service(work: Work, name: str) -> Services:
    """What is asked of systemd about one of them."""
    return Services(work.places.is_running_system, work.disk.on_change, unit=name)


def lines(work: Work, found: Found) -> List[str]:
    """For people."""
    said = ["lies here: {}".format(one) for one in found.installed]
    if found.start_list is not None:
        said.append("{} names it: the vendor's autostart starts it".format(known.START_LIST))
    for one in found.services:
        how = "starts with the robot" if one.links else "does not start with the robot"
        said.append("service {}: {}, {}".format(one.name, how, "runs" if one.is_active else "does not run"))
    said += ["runs: {} (pid {})".format(one.what, one.pid) for one in found.running]
    said += ["the robot's own broker keeps {}: it was enrolled; stays".format(one) for one in _retained(work)]
    said += ["{} names it too: look at it, it stays".format(one) for one in _elsewhere(work)]
    said += [
        "{} runs, which lies elsewhere: look at it, it stays".format(one)
        for one in processes.of_that_name_elsewhere(work)
    ]
    return said


def _services(work: Work) -> List[Service]:
    names: Set[str] = set()
    for where in known.UNIT_FOLDERS:
        folder = work.places.at(where)
        for path in sorted(folder.glob("*.service")) if folder.is_dir() else []:
            try:
                with path.open("rb") as file:
                    text = file.read(_MAX_UNIT_BYTES)
            except OSError:
                continue  # a link that leads nowhere
            starts = re.findall(rb"(?m)^\s*Exec[A-Za-z]*\s*=.*$", text)
            if _UNIT.match(path.name) and any(known.names_it(line) for line in starts):
                names.add(path.name)
    found = []
    for name in sorted(names):
        state = service(work, name).state().get("ActiveState")
        found.append(Service(name, tuple(_links(work, name)), state in _ACTIVE))
    return found


def _links(work: Work, name: str) -> List[KeptLink]:
    """Also such a one as leads nowhere."""
    found = []
    for folder in sorted(work.places.units.iterdir()) if work.places.units.is_dir() else []:
        path = folder / name
        if folder.name.endswith((".wants", ".requires")) and path.is_symlink():
            said = path.lstat()
            where = work.places.as_the_robot_sees(path)
            found.append(KeptLink(where, os.readlink(str(path)), said.st_uid, said.st_gid, said.st_mtime_ns))
    return found


def _retained(work: Work) -> List[str]:
    """Topics only. Asked by the robot's own client, where it has one."""
    if not work.places.is_running_system:
        return []
    argv = ["mosquitto_sub", "-h", "127.0.0.1", "-v"]
    for topic in known.RETAINED:
        argv += ["-t", topic]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_ASK_S
        )
        said = done.stdout
    except subprocess.TimeoutExpired as error:  # as it must: it would listen for ever
        said = error.stdout or b""
    except OSError:
        return []
    said_topics = {line.split(b" ")[0] for line in said.splitlines()}
    return [topic for topic in known.RETAINED if topic.encode("ascii") in said_topics]


def _elsewhere(work: Work) -> List[str]:
    found = []
    for where in known.ELSEWHERE:
        try:
            with work.places.at(where).open("rb") as file:
                if known.names_it(file.read(_MAX_UNIT_BYTES)):
                    found.append(where)
        except OSError:
            continue  # it is not there
    return found
