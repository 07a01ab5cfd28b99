"""What the installed agent sees on the robot, and what it may do there: steps of a walk."""

import json
import re
import subprocess
from collections import Counter
from typing import Any

from tests.robots.virtual.state import AGENT, LOOK_S, TOLD_S, UNIT, Walk
from tests.unit.deploy.test_unit_file import AGENTS
from tests.waiting import until
from wachhund_agent.kernel import capabilities
from wachhund_agent.privileges import NEEDED

_OBSERVED_S = 40
_PROBES = 20
# What must be heard, not looked for, on a kernel that has tracefs: else the robot's kernel was not met as it is.
_HEARD = ("process", "tcp")
_STATES = ("event", "poll", "blind")  # each sees less than the one before


def what_it_is(walk: Walk) -> str:
    """The machine, in its own words."""
    asked = (
        "uname -srm; python3 -V; systemctl --version | head -1; grep MemTotal /proc/meminfo; date -u +'its clock: %F'"
    )
    said = walk.robot.run(asked).stdout
    assert "aarch64" in said, said
    return ", ".join(" ".join(line.split()) for line in said.splitlines())


def senses(walk: Walk) -> str:
    """What the service said of each sense, and whether it sees less than root does without a sandbox."""

    def said() -> dict[str, dict[str, Any]]:
        newest = walk.host.told("coverage")
        return dict(newest[0].observation.fields["sensors"]) if newest else {}

    until(said, TOLD_S, "it says what it can see", LOOK_S)
    by_root = json.loads(walk.robot.run(f"{AGENT} doctor --json", check=False).stdout)["sensors"]
    service = said()
    assert set(service) == set(by_root), (sorted(service), sorted(by_root))
    less = {
        name: (service[name], one) for name, one in by_root.items()
        if _STATES.index(service[name]["state"]) > _STATES.index(one["state"])
    }  # fmt: skip
    assert not less, f"the sandbox takes something away: {less}"
    for name in _HEARD:
        assert service[name]["state"] == "event", (name, service[name])
    states: dict[str, list[str]] = {}
    for name, one in sorted(service.items()):
        states.setdefault(one["state"], []).append(name)
    lines = [f"{state}: {', '.join(names)}" for state, names in sorted(states.items())]
    lines += [f"  {name}: {one['why']}" for name, one in sorted(service.items()) if one.get("why")]
    return "\n".join(lines)


def observe(walk: Walk) -> str:
    """Programs that end at once, told from kernel events, each."""
    probes = "; ".join(f"cp /bin/true /tmp/probe-{n}" for n in range(_PROBES))
    starts = "; ".join(f"/tmp/probe-{n}" for n in range(_PROBES))
    # Its first line says what it can see: from then on it hears.
    done = walk.robot.run(
        f"{probes}; {AGENT} observe --seconds {_OBSERVED_S} > /tmp/observed & "
        f"until grep -qs coverage /tmp/observed || ! kill -0 $!; do sleep 0.1; done; {starts}; wait; "
        "cat /tmp/observed; "
        "rm -f /tmp/probe-* /tmp/observed"
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    started = {str(one.get("exe")) for one in found if one["kind"] == "process.start"}
    missed = [n for n in range(_PROBES) if f"/tmp/probe-{n}" not in started]
    assert not missed, f"not told: {missed}"
    kinds = Counter(one["kind"] for one in found)
    return f"{_PROBES} of {_PROBES} short programs told; " + ", ".join(
        f"{kinds[kind]} {kind}" for kind in sorted(kinds)
    )


def log_in(walk: Walk) -> str:
    """Somebody comes by ssh, and the host's ledger has who, from where, and over which connection."""
    before = {one.id for one in walk.host.told("login.start")}

    def came() -> list[dict[str, Any]]:
        return [
            dict(one.observation.fields) for one in walk.host.told("login.start")
            if one.id not in before and one.observation.fields.get("service") == "sshd"
        ]  # fmt: skip

    visitor = subprocess.Popen(walk.robot.ssh("cat"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        until(came, TOLD_S, "the host's ledger tells of the login", LOOK_S)
    finally:
        assert visitor.stdin is not None
        visitor.stdin.close()
        visitor.wait(60)
    (login,) = came()
    assert login["user"] == "pi" and login["method"] == "publickey" and login["flow"], login
    until(
        lambda: any(one.observation.fields.get("puid") == login["puid"] for one in walk.host.told("login.end")),
        TOLD_S, "and of its end",
    )  # fmt: skip
    return f"{login['user']} by {login['method']} from {login['from']}, joined with its connection; its end too"


def sandbox(walk: Walk) -> str:
    """What a running systemd thinks of the unit, and what the kernel says of the process."""
    text = walk.robot.run(f"systemd-analyze security --no-pager {UNIT}").stdout
    rated = re.search(r"exposure level for \S+: ([0-9.]+)", text)
    assert rated is not None and float(rated.group(1)) <= AGENTS.exposure, text
    pid = walk.robot.run(f"systemctl show --property=MainPID --value {UNIT}").stdout.strip()
    threads = walk.robot.run(f"for one in /proc/{pid}/task/*; do cat $one/status; done").stdout.split("Name:")[1:]
    kept = []
    for number, text in enumerate(threads):
        status = walk.folder / f"status-{number}"
        status.write_text(text)
        kept.append(capabilities.effective(str(status)))
    assert kept[0] == frozenset(NEEDED) and set(kept[1:]) == {frozenset()}, kept
    assert "NoNewPrivs:\t1" in threads[0] and "Seccomp:\t2" in threads[0] and "Uid:\t0" not in threads[0], threads[0]
    return f"exposure {rated.group(1)}; {len(kept)} threads: one with {len(NEEDED)} capabilities, the others with none"
