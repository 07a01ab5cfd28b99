"""Onto the robot and off it again: the steps of a walk that put something there or take it away."""

import contextlib
import json
import os
import re
import subprocess
import sys

from deploy.bundling.bundles import Maker
from tests.robots import bundles
from tests.robots.virtual.state import LOOK_S, NAME, TOLD_S, UNIT, WITHIN_S, Walk
from tests.waiting import until

_UNPACK_S = 300


def make_bundles(walk: Walk) -> str:
    """This clone's, what a later release would be, and the host with the first in it, unpacked on a laptop."""
    made = bundles.agent_bundle(walk.folder, machine="aarch64")
    name, data = Maker(bundles.CACHE, None, bundles.MADE_OF).host({made.name: made.read_bytes()})
    (walk.folder / name).write_bytes(data)
    subprocess.run(
        ["sh", name, "--into", "laptop"], cwd=walk.folder, env={**os.environ, "WACHHUND_PYTHON": sys.executable},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=_UNPACK_S, check=True,
    )  # fmt: skip
    made.rename(walk.folder / "agent.run")
    for name, version, change in (
        ("newer.run", "9.0.0", None), ("mute.run", "9.1.0", bundles.mute), ("newest.run", "9.2.0", None),
    ):  # fmt: skip
        extra = (change,) if change else ()
        bundles.varied(walk.folder / "agent.run", walk.folder, version, *extra).rename(walk.folder / name)
    return f"{(walk.folder / 'agent.run').stat().st_size:,} bytes; the host with it {len(data):,}"


def copy_bundles(walk: Walk) -> str:
    """As an owner does it."""
    for name in ("agent.run", "newer.run", "mute.run", "newest.run"):
        walk.robot.put(walk.folder / name, name)
    return walk.say("agent.run", "check").stdout.strip()


def look_before(walk: Walk) -> str:
    """All of the robot's files."""
    walk.before = walk.files()
    return f"{len(walk.before)} paths"


def install(walk: Walk) -> str:
    """Installed, enrolled, and a receipt of the host come; the words are the same on both sides."""
    token = walk.host.robots("invite", NAME)
    done = walk.say("agent.run", f"install --enrol - --within {WITHIN_S} --json", given=token)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    walk.host.robot = json.loads(walk.robot.run("cat /var/lib/private/wachhund/agent.json").stdout)["robot"]
    shown = re.search(r"words: (.+)", walk.host.robots("show", NAME))
    assert shown is not None and shown.group(1).strip() in done.stdout, "the six words differ"
    ends = [line for line in lines if line["state"] in ("done", "already")]
    return "\n".join(f"{line['step']}: {line['text']}" for line in ends if line["step"] != "enrol")


def accept(walk: Walk) -> str:
    """A person says that the words are the same; then the host's word is `verified`."""
    walk.host.robots("accept", NAME, "--why", "words compared")
    until(lambda: walk.word == "verified", TOLD_S, "the host says verified", LOOK_S)
    found = walk.status()
    assert found["verified"] and found["enrolled"] and found["service"]["ActiveState"] == "active", found
    proof = walk.host.standing().proof
    return f"{proof.word}: {proof.reason}"


def no_faults(walk: Walk) -> str:
    """An honest robot is accused of nothing by all that."""
    shown = walk.host.robots("show", NAME)
    with contextlib.closing(walk.host.ledger()) as ledger:
        faults, newest = ledger.faults(walk.host.robot), ledger.newest(walk.host.robot)
    assert not faults and newest is not None, shown
    return f"{newest.tokens} tokens, no fault"


def uninstall(walk: Walk) -> str:
    """And nothing is left: no file, no unit, no buffer in the kernel, no process."""
    done = walk.say("newest.run", "uninstall")
    assert done.returncode == 0, done.stdout + done.stderr
    after = walk.files()
    changed = sorted(path for path in {*walk.before, *after} if walk.before.get(path) != after.get(path))
    assert not changed, [(path, walk.before.get(path), after.get(path)) for path in changed]
    left = walk.robot.run(
        f"systemctl show --property=LoadState --value {UNIT}; "
        "ls /sys/kernel/tracing/instances; pgrep -fa /opt/[w]achhund",
        check=False,
    ).stdout.split()
    assert left == ["not-found"], left
    return f"{len(after)} paths, none differs"
