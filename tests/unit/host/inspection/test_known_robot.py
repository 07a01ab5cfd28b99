"""What is known of a model, held against the agent's profile of the same model; and Debian's order of versions."""

import json
from pathlib import Path

import pytest

from wachhund.inspection.known_robot import MODELS, load
from wachhund.inspection.packages import compare

PROFILES = Path(__file__).resolve().parents[4] / "agent" / "wachhund_agent" / "profiles"


@pytest.mark.parametrize("name", MODELS)
def test_an_audit_and_the_agent_know_the_same_of_a_model(name: str) -> None:
    """Two distributions, one truth: the agent may not import the host, nor the host the agent."""
    profile = json.loads((PROFILES / f"{name}.json").read_text(encoding="utf-8"))
    known = load(name)
    assert [(one["user"], one["password"]) for one in profile["defaults"]] == list(known.defaults)
    assert tuple(profile["detect"]) == known.detect and profile["title"] == known.title
    paths = {path for one in known.tunnels for path in (*one.programs, *one.installers, *one.enrolled)}
    assert {one["path"] for one in profile["installed"]} == paths
    assert {one["filter"] for one in profile["topics"] if one["meaning"] == "identity"} == set(known.retained)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.8.27-1+deb10u2", "1.8.27-1+deb10u3"), ("1.0~rc1-1", "1.0-1"), ("1.9-1", "1.10-1"), ("9.9-9", "1:0.1-1"),
        ("1.0", "1.0-1"), ("1.0-1", "1.0.1-1"), ("0.105-25", "0.105-25+deb10u1"), ("1.14.2-2", "1.14.2-2+deb10u4"),
        ("2.0a-1", "2.0+1-1"), ("1.0~~-1", "1.0~-1"),
    ],
)  # fmt: skip
def test_versions_are_in_debians_order(older: str, newer: str) -> None:
    """Debian Policy 5.6.12, its own examples among them."""
    assert compare(older, newer) < 0 < compare(newer, older)
    assert compare(older, older) == 0


@pytest.mark.parametrize("version", ["", "-", ":", "x:1-1", "~", "1" * 4000, "9" * 30 + ":1-1"])
def test_what_is_no_version_has_some_place_in_the_order(version: str) -> None:
    """It is a robot's text."""
    assert compare(version, version) == 0
    assert isinstance(compare(version, "1.0-1"), int)
