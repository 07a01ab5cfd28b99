"""`wachhund-agent doctor` on the real machine: each sense, its source and its limits, for people and for programs."""

import json
import os
import platform
import re
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.robots.agent_python import AGENT_PYTHON
from wachhund_evidence import public_key_pem


def doctor(*arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*before, AGENT_PYTHON, "-m", "wachhund_agent", "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_doctor_names_each_sense_and_what_it_cannot_see() -> None:
    done = doctor()
    assert done.stderr == ""
    told = {line.split()[0]: line for line in done.stdout.splitlines() if not line.startswith(" ")}
    assert {"process", "tcp", "relay", "watcher"} <= set(told)
    expected = "hears each event" if os.geteuid() == 0 else "looks now and then"
    assert expected in told["process"] and expected in told["tcp"]
    if os.geteuid() != 0:
        assert "> run it as root" in done.stdout


def test_doctor_tells_programs_the_same() -> None:
    done = doctor("--json")
    sensors = json.loads(done.stdout)["sensors"]
    assert sensors["process"]["state"] == ("event" if os.geteuid() == 0 else "poll")
    assert (done.returncode == 1) == any(sense["state"] == "blind" for sense in sensors.values())


@pytest.mark.needs_root("a mount namespace")
def test_without_tracefs_doctor_says_what_would_help() -> None:
    """tracefs hidden behind an empty file system that cannot be mounted over: the agent has to look instead."""
    hide = 'mount -t tmpfs none /sys/kernel && mount -o remount,ro /sys/kernel && exec "$@"'
    done = doctor("--json", before=("unshare", "--mount", "sh", "-c", hide, "sh"))
    process = json.loads(done.stdout)["sensors"]["process"]
    assert process["state"] == "poll" and process["source"] == "procfs"
    assert "mount -t tracefs" in process["advice"][0]


@pytest.mark.needs_root("a network of its own, for the broker's port")
def test_a_broker_that_answers_a_moment_later_is_not_told_as_silent() -> None:
    """It was asked, and doctor did not wait for the answer: a stock Go1 was said to be blind to its own commands."""
    wait = "until (: < /dev/tcp/127.0.0.1/1883) 2> /dev/null; do kill -0 $!; done"
    enter = f'set -e; ip link set lo up; mosquitto -p 1883 > /dev/null 2>&1 & {wait}; "$@"; kill $!'
    done = doctor("--profile", "go1", "--json", before=("unshare", "--net", "bash", "-c", enter, "bash"))
    told = json.loads(done.stdout)["sensors"]["control-mqtt"]
    assert (told["state"], told["why"]) == ("event", None)


PLANTED = {
    "name": "kims-rex", "user": "kimberley", "address": "10.98.7.6", "six": "fd00:98:7::6", "mac": "02:4b:69:6d:00:07",
    "link": "kimsphone0", "lab": "kims-lab.example", "broker": "10.98.7.61", "topic": "kims/secret",
    "lease": "/kims/leases", "camera": "10.98.7.62",
}  # fmt: skip
# A host name, an interface with its addresses, and files that name the owner, for this run's eyes only.
PLANT = """
set -e
hostname {name}
ip link set lo up
ip link add {link} address {mac} type veth peer name other
ip link set {link} up
ip address add {address}/24 dev {link}
ip address add {six}/64 dev {link}
printf 'ID=debian\\nVERSION_ID="12"\\nPRETTY_NAME="{name} of {user}"\\n' > os-release
mount --bind os-release /etc/os-release
printf '{address} {lab}\\n' > hosts
mount --bind hosts /etc/hosts
exec "$@"
"""


def identifiers() -> set[str]:
    """By which this very machine is known."""
    found = {platform.node(), Path("/etc/machine-id").read_text(), Path("/proc/sys/kernel/random/boot_id").read_text()}
    found.update(path.read_text() for path in Path("/sys/class/net").glob("*/address"))
    found.update(entry["local"] for link in json.loads(_ip()) for entry in link["addr_info"])
    return {one.strip() for one in found} - {"", "localhost", "127.0.0.1", "::1", "00:00:00:00:00:00"}


def _ip() -> str:
    return subprocess.run(["ip", "-j", "address"], capture_output=True, text=True, check=True).stdout


@pytest.mark.needs_root("namespaces of its own")
def test_a_report_for_others_names_neither_the_machine_nor_its_owner(tmp_path: Path) -> None:
    """Planted wherever the agent looks or is told: none of it may leave; what it is for is there all the same."""
    folder = tmp_path / PLANTED["user"]
    folder.mkdir()
    profile = {
        "name": PLANTED["name"], "title": f"the robot of {PLANTED['user']}", "broker": [PLANTED["broker"], 1883],
        "topics": [{"filter": PLANTED["topic"], "surface": "mqtt", "meaning": "x", "words": []}],
        "leases": [PLANTED["lease"]], "unseen": [f"what {PLANTED['user']} does"],
        "views": [{"camera": "x", "address": PLANTED["camera"], "ports": [1], "via": "x"}],
    }  # fmt: skip
    (folder / "kims.json").write_text(json.dumps(profile))
    (folder / "agent.json").write_text(
        json.dumps(
            {
                "robot": "kims7rex01", "broker": f"mqtt://{PLANTED['broker']}:1883", "client_id": "kims-client",
                "username": PLANTED["user"], "password": "kims-password", "nonce": "kims-nonce", "profile": "kims.json",
                "host_key": public_key_pem(Ed25519PrivateKey.generate().public_key()).decode(),
            }
        )
    )  # fmt: skip
    report = folder / "report of kim.json"
    done = subprocess.run(
        ["unshare", "--uts", "--mount", "--net", "sh", "-c", PLANT.format(**PLANTED), "sh", AGENT_PYTHON, "-m",
         "wachhund_agent", "doctor", "--config", folder / "agent.json", "--report", report],
        capture_output=True, text=True, timeout=120, cwd=folder,
        env={**os.environ, "HOME": f"/home/{PLANTED['user']}", "USER": PLANTED["user"], "LOGNAME": PLANTED["user"]},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert f"host {PLANTED['broker']}:1883: " in done.stdout and PLANTED["topic"] not in done.stderr
    text = report.read_text()
    for one in {*PLANTED.values(), *identifiers(), str(tmp_path), "kim", "10.98", "fd00"}:
        assert one not in text, one
    told = json.loads(text)
    assert (told["profile"], told["os"], told["host"]) == ("own", {"id": "debian", "version": "12"}, ["unreachable"])
    assert told["senses"]["control-mqtt"]["state"] == "blind" and "[...]" in told["senses"]["control-mqtt"]["why"]
    assert told["senses"]["tcp"]["source"] == "tracefs"


def test_a_report_is_never_written_over_another_file(tmp_path: Path) -> None:
    """And that is found out before the senses wake."""
    path = tmp_path / "report.json"
    path.write_text("kept")
    done = doctor("--report", str(path))
    assert (done.returncode, done.stdout, path.read_text()) == (2, "", "kept")
    assert done.stderr == f"wachhund-agent: {path}: exists already: give another name\n"
    done = doctor("--config", str(path))
    assert done.returncode == 2 and "not a configuration" in done.stderr and done.stderr.count("\n") == 1


def test_a_report_is_written_also_when_nobody_reads_what_is_printed(tmp_path: Path) -> None:
    """`doctor --report FILE | head -1` is what people type."""
    path = tmp_path / "report.json"
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        command = [AGENT_PYTHON, "-m", "wachhund_agent", "doctor", "--report", str(path)]
        # A pipe's lines are kept until Python ends, where nobody of us hears what became of them.
        kept = {**os.environ, "PYTHONUNBUFFERED": ""}
        done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, timeout=60, env=kept)
    assert done.returncode == 0 and done.stderr == b"" and json.loads(path.read_text())["senses"]


def test_what_could_not_be_printed_is_one_line_and_no_success() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [AGENT_PYTHON, "-m", "wachhund_agent", "doctor"], stdout=full, stderr=subprocess.PIPE, timeout=60,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )  # fmt: skip
    said = b"wachhund-agent: standard output: No space left on device\n"
    assert done.returncode == 1 and done.stderr == said


def test_every_field_of_a_report_is_in_the_document(tmp_path: Path) -> None:
    """Whoever sends one in has to know what is in it."""
    path = tmp_path / "report.json"
    assert "report:" in doctor("--report", str(path)).stdout
    page = (Path(__file__).resolve().parents[3] / "docs" / "flash.md").read_text(encoding="utf-8")
    table = page.split("## A report that you can send in")[1]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == set(json.loads(path.read_text()))
