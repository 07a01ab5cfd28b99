"""A lab audits the robot while it runs, and by its card when it is off: steps of a walk.

The laptop is the host's own bundle, unpacked: the robot never met it, and nothing may be left on the robot.
"""

import json
from typing import Any

from tests.robots.virtual.machine import HOST
from tests.robots.virtual.state import LOOK_S, TOLD_S, Walk
from tests.robots.virtual.tunnel import PLACES
from tests.waiting import until
from wachhund.inspection.finding import PASSED
from wachhund.inspection.report import EXIT_HIGH

_CHALLENGE = "four green herons"
_MINUTES = "1"
_REPORTS = "reports"
# All that its files show, and nothing else: what a stock Go1 has, what of it is as on a stock Go1's stand-in, and
# the settings by which this machine is one (a login on the console, sudo without a password, a network in itself).
STOCK = frozenset({
    "vendor-tunnel-cloudsail-starts", "vendor-tunnel-nps-lies-there", "default-password-pi", "password-login",
    "authorized-keys", "broker-anonymous", "pages-ask-nobody", "service-programming.py",
    "service-startup_uploader.py", "nat-pivot", "started-by-no-package", "release-ended",
})  # fmt: skip
# What the judge makes of the minute in which it is watched: nothing happens on it.
_IDLE = {"NPS is installed and idle", "CloudSail is installed and idle", "The default password of pi is in use"}
ENROLLED = (STOCK - {"vendor-tunnel-cloudsail-starts"}) | {"vendor-tunnel-cloudsail-enrolled"}


def stock(walk: Walk) -> str:
    """As it is sold, over SSH: the findings are those that are there; it is watched meanwhile."""
    report = _running(walk, "stock")
    assert _found(report) == STOCK, sorted(_found(report) ^ STOCK)
    watched = _watched(report)
    assert any(":1883" in line and "mosquitto" in line for line in watched["watched-listeners"]), watched
    assert any(line.startswith(f"ssh: {HOST} > ssh > pi (open") for line in watched["watched-sessions"]), watched
    happened = {one["title"] for one in _answers(report)["watched-incidents"]["findings"]}
    assert happened == _IDLE, happened
    return _told(report)


def enrolled(walk: Walk) -> str:
    """With the vendor's tunnel standing: that is a finding by its files, and seen at work."""
    report = _running(walk, "enrolled")
    assert _found(report) == ENROLLED, sorted(_found(report) ^ ENROLLED)
    happened = [line for one in _answers(report)["watched-incidents"]["findings"] for line in one["proof"]]
    assert any("CloudSail" in line for line in happened), happened
    return _told(report)


def nothing_left(walk: Walk) -> str:
    """Of the audits; what the vendor's tunnel put there is all that is new."""
    before, walk.before = walk.before, walk.files()
    changed = {path for path in {*before, *walk.before} if before.get(path) != walk.before.get(path)}
    assert changed == set(PLACES), sorted(changed ^ set(PLACES))
    return f"{len(walk.before)} paths; {len(changed)} differ, all of them the tunnel's"


def card(walk: Walk) -> str:
    """The robot is off, and its card is read: what its files show is what the running robot's showed, to the word."""
    report = _audit(walk, "card", "image", str(walk.robot.disk))
    before = _answers(json.loads((walk.folder / _REPORTS / "enrolled-audit.json").read_text())["report"])
    answers = _answers(report)
    assert answers.pop("whole-image")["result"] == PASSED
    for name, answer in answers.items():
        for part in ("result", "findings", "looked", "missed"):
            assert answer[part] == before[name][part], (name, part, answer[part], before[name][part])
    assert report["subject"]["sha256"], report["subject"]
    return f"{len(answers)} questions, {len(_found(report))} findings: the same as of the running robot"


def _running(walk: Walk, name: str) -> dict[str, Any]:
    """Audited by SSH, and as it was afterwards."""
    said = walk.robot.run("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").stdout
    fingerprint = next(word for word in said.split() if word.startswith("SHA256:"))
    before = _alive(walk)
    report = _audit(
        walk, name, "ssh", f"pi@127.0.0.1:{walk.robot.port}", "--identity", str(walk.robot.key),
        "--fingerprint", fingerprint, "--minutes", _MINUTES,
    )  # fmt: skip
    assert report["subject"]["host_key"] == fingerprint and report["model"]["name"] == "go1", report["subject"]
    until(lambda: _alive(walk) == before, TOLD_S, "no process and no mount of the audit is left", LOOK_S)
    return report


def _alive(walk: Walk) -> str:
    """What is mounted, and the programs that an audit brings."""
    return walk.robot.run("cat /proc/self/mounts; pgrep -fa '[w]achhund-audit|/mnt/[l]ib' || true").stdout


def _audit(walk: Walk, name: str, *words: str) -> dict[str, Any]:
    """A report that is right, as its reader checks it."""
    done = walk.laptop("audit", *words, "--out", _REPORTS, "--name", name, "--challenge", _CHALLENGE)
    assert done.returncode == EXIT_HIGH, done.stdout + done.stderr
    observations = walk.folder / _REPORTS / f"{name}-observations.jsonl"
    beside = ("--observations", str(observations)) if observations.exists() else ()
    checked = walk.laptop("verify", f"{_REPORTS}/{name}-audit.html", *beside)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return dict(json.loads((walk.folder / _REPORTS / f"{name}-audit.json").read_text())["report"])


def _answers(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in report["answers"]}


def _found(report: dict[str, Any]) -> set[str]:
    """By files: what happens while somebody watches has its own answers."""
    return {
        finding["name"] for one in report["answers"] if not one["name"].startswith("watched-")
        for finding in one["findings"]
    }  # fmt: skip


def _watched(report: dict[str, Any]) -> dict[str, list[str]]:
    """The answers of the watch: name -> all proof."""
    return {
        one["name"]: [line for finding in one["findings"] for line in finding["proof"]]
        for one in report["answers"] if one["name"].startswith("watched-")
    }  # fmt: skip


def _told(report: dict[str, Any]) -> str:
    lines = [f"watched for {report['watched']['seconds']} s: {report['watched']['observations']} observations"]
    for answer in report["answers"]:
        lines += [f"{one['level']}: {one['title']}" for one in answer["findings"]]
    missed = {one for answer in report["answers"] for one in answer["missed"]}
    lines.append(f"{len(missed)} things that it says it did not see")
    return "\n".join(lines)
