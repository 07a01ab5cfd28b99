"""Profiles: what is special to a robot model, chosen by what lies on the machine, overridable, strictly read."""

import contextlib
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent import profile
from wachhund_agent.sensors.control_port import Door
from wachhund_evidence import MisuseError

_SURFACES = {"ssh", "shell", "desktop", "web", "mqtt", "udp", "ros", "camera", "microphone", "update"}


@pytest.mark.parametrize("name", profile.names())
def test_each_profile_that_we_bring_along_is_readable_and_uses_our_words(name: str) -> None:
    found = profile.choose(name)
    assert found.name == name
    assert {topic.surface for topic in found.topics} | {door.surface for door in found.doors} <= _SURFACES
    assert {topic.meaning for topic in found.topics} <= {"control", "code", "state", "identity"}


def test_a_machine_that_nobody_knows_gets_the_generic_profile() -> None:
    assert profile.choose().name == profile.GENERIC


def test_a_file_of_ones_own_overrides_and_may_lie_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(
        json.dumps(
            {"name": "mine", "title": "x", "doors": [{"proto": "udp", "port": 9, "surface": "udp", "what": "x"}]}
        )
    )
    found = profile.choose("mine.json", tmp_path)
    assert found.doors == (Door("udp", 9, "udp", "x"),)
    assert found.broker is None


@pytest.mark.parametrize(
    "content, complaint",
    [
        ("", "not a profile"),
        ("[]", "not a profile"),
        ('{"name": "x"}', "title: must be a text"),
        ('{"name": "x", "title": "y", "colour": 1}', '"colour": no such setting'),
        ('{"name": "x", "title": "y", "broker": ["a"]}', "broker: write [address, port]"),
        ('{"name": "x", "title": "y", "doors": [{"proto": "tcp"}]}', "doors: port: missing"),
        ('{"name": "x", "title": "y", "doors": {}}', "doors: must be a list"),
        ('{"name": "x", "title": "y", "busy_cores": [true]}', "busy_cores: must be a list of int"),
    ],
)
def test_an_unusable_profile_gets_one_line_that_says_where(tmp_path: Path, content: str, complaint: str) -> None:
    file = tmp_path / "p.json"
    file.write_text(content)
    with pytest.raises(MisuseError) as caught:
        profile.load(file)
    assert complaint in str(caught.value) and str(file) in str(caught.value)


def test_an_unknown_name_is_answered_with_those_that_exist() -> None:
    with pytest.raises(MisuseError) as caught:
        profile.choose("go99")
    assert "go1" in str(caught.value)


_KEYS = st.sampled_from(["name", "title", "broker", "doors", "views", "topics", "port", "ports", "unseen"])
_ATOMS = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(_ATOMS, lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner)))
def test_any_json_is_a_profile_or_a_misuse(value: object) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(value, file)
        file.flush()
        with contextlib.suppress(MisuseError):
            profile.load(Path(file.name))
