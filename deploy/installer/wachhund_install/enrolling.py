"""The robot's state: its folder, and the enrolment, which the agent does itself."""

import os
import subprocess
from typing import Callable, Optional

from wachhund_install.outcome import NOT_ENROLLED, Refused
from wachhund_install.unpacking import AGENT
from wachhund_install.work import Work

_ENROL_S = 120.0  # several addresses of a host, 20 s each


def make_state(work: Work) -> Optional[str]:
    """For the agent's user alone; systemd gives it to that user when it starts the unit (DynamicUser)."""
    if work.places.state.is_dir():
        return None
    work.disk.make_folder(work.places.private, 0o700)
    work.disk.make_folder(work.places.state, 0o700)
    return work.places.as_the_robot_sees(work.places.state)


def take_away_new_state(work: Work) -> None:
    """Where nobody enrolled: no key lies there."""
    if not work.places.config.exists() and not list(work.places.state.glob("*.key")):
        take_away_state(work)


def take_away_state(work: Work) -> Optional[str]:
    """Key, configuration and journal."""
    found = work.places.state.exists() or work.places.state_link.is_symlink()
    if work.places.state_link.is_symlink():
        work.disk.remove(work.places.state_link)
    work.disk.remove_tree(work.places.state)
    return "key, configuration and journal are gone" if found else None


def enrol(work: Work) -> Optional[str]:
    """The agent makes its key and asks the host, which the token names."""
    token = work.options.token
    if token is None:
        return None if work.is_enrolled() else "not now: no token was given"
    work.disk.on_change("enrol")
    argv = [work.options.python, "-I", "-S", "-B", str(work.version / AGENT)]
    argv += ["enrol", "-", "--config", work.places.config.name, "--replace"]
    owner = work.places.state.stat()
    try:
        done = subprocess.run(
            argv,
            input=token,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=_ENROL_S,
            # From within: nobody but root comes through /var/lib/private.
            cwd=str(work.places.state),
            preexec_fn=_become(owner.st_uid, owner.st_gid),
        )
    except subprocess.TimeoutExpired:
        raise Refused(NOT_ENROLLED, "no host answered within {:g} s".format(_ENROL_S)) from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise Refused(NOT_ENROLLED, (said[-1] if said else "no reason said").replace("wachhund-agent: ", "", 1))
    work.disk.remove(work.places.mark)
    return "; ".join(line.strip() for line in done.stdout.splitlines())


def _become(uid: int, gid: int) -> Callable[[], None]:
    """The folder's owner: once the agent has run that is the agent, which could lead root's writing elsewhere."""

    def become() -> None:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)

    return become
