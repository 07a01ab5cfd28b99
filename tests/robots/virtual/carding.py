"""The robot's card in a laptop, and in the robot again: steps of a walk, with the agent put onto it without a start."""

import json
import re

from tests.robots.virtual.state import LOOK_S, TOLD_S, UNIT, Walk
from tests.waiting import until
from wachhund.flash import first_boot

_NAME = "from-card"
_FIRST_S = 900.0  # for an installation and an enrolment; an emulated robot on a busy machine takes minutes


def switch_off(walk: Walk) -> str:
    """For its card is to be taken out."""
    walk.robot.switch_off()
    return f"{walk.robot.disk.stat().st_blocks * 512 / 1e6:,.0f} MB of files and holes"


def flash(walk: Walk) -> str:
    """`wachhund flash image`: an image for this robot is made; the card as it was is only read."""
    card, made = walk.robot.disk, walk.folder / "card.ext4"
    before = card.stat().st_mtime_ns
    done = walk.laptop(
        "flash", "image", str(card), "--name", _NAME, "--out", str(made), "--yes", "--data", str(walk.host.data)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert card.stat().st_mtime_ns == before, "the card was written to"
    card.unlink()  # two of them, and one more in the robot, are too much for a small disk
    walk.robot.disk = made
    return "\n".join(line.strip() for line in done.stdout.splitlines())


def start(walk: Walk) -> str:
    """Its first start: the robot installs the agent and enrols by itself; nothing of the first start is left."""
    walk.robot.boot()
    until(lambda: _is_ready(walk), _FIRST_S, "it is installed, enrolled and running, and the first start is gone", 5)
    walk.host.robot = json.loads(walk.robot.run("cat /var/lib/private/wachhund/agent.json").stdout)["robot"]
    said = walk.robot.run(f"journalctl --no-pager --unit {first_boot.UNIT}").stdout
    words = re.search("(?<![a-z])[a-z]{5}(?: [a-z]{5}){5}(?![a-z])", said)
    assert words is not None and words[0] in walk.host.robots("show", _NAME), "the six words differ"
    return "installed, enrolled with the token of the card, and running; the six words are the same"


def accept(walk: Walk) -> str:
    """A person says that the words are the same; then the host's word is `verified`, and nothing is held against it."""
    walk.host.robots("accept", _NAME, "--why", "words compared")
    until(lambda: walk.word == "verified", TOLD_S, "the host says verified", LOOK_S)
    assert not any("first-boot" in str(one.observation.fields) for one in walk.host.told("persistence.change"))
    proof = walk.host.standing().proof
    return f"{proof.word}: {proof.reason}"


def _is_ready(walk: Walk) -> bool:
    left = " ".join(map(str, (first_boot.FOLDER, first_boot.UNIT_FILE, first_boot.WANTED)))
    done = walk.robot.run(f"ls -d {left} 2> /dev/null; systemctl is-active {UNIT}", check=False)
    return done.stdout.split() == ["active"]
