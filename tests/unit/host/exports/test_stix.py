"""The STIX form: by OASIS's own validator, and read by the STIX library, which also makes the same ids of its own."""

import json
import uuid
from typing import Any

import pytest
import stix2
from stix2validator import ValidationOptions, validate_instance

from tests.unit.host.exports.stories import EVIL, incidents
from wachhund.exports.stix import OBSERVABLES, bundle, stamp

STORIES = incidents()
OPTIONS = ValidationOptions(version="2.1", strict_properties=True)

# The standard allows UUIDv5 where it advises UUIDv4 (section 2.9): a bundle that is sent twice must be one thing.
ADVICE_NOT_TAKEN = "is not a valid UUIDv4 ID"


def as_read(story: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(bundle(STORIES[story], "go1-07"), allow_nan=False))
    return made


def of_kind(made: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in made["objects"] if one["type"] == kind]


@pytest.mark.parametrize("story", STORIES)
def test_each_incident_is_a_bundle_by_the_standards_own_validator(story: str) -> None:
    """Musts; and what it only advises, but for the one thing that is otherwise on purpose."""
    result = validate_instance(as_read(story), OPTIONS)
    assert [str(error) for error in result.errors] == []
    assert result.is_valid
    advised = [str(warning) for warning in result.warnings]
    assert [one for one in advised if ADVICE_NOT_TAKEN not in one] == []


def test_the_check_notices_what_is_no_stix() -> None:
    """A validator that lets everything pass would prove nothing."""
    made = as_read("an ssh session through a relay")
    of_kind(made, "incident")[0]["created"] = "yesterday"
    assert not validate_instance(made, OPTIONS).is_valid


@pytest.mark.parametrize("story", STORIES)
def test_a_foreign_library_reads_it_and_gives_each_observable_the_same_id(story: str) -> None:
    """Two hosts that saw the same address must name it alike, or nobody can join what they say."""
    made = as_read(story)
    read = stix2.parse(made, version="2.1")
    assert len(read.objects) == len(made["objects"])
    for one in made["objects"]:
        if "created" not in one:
            again = {name: value for name, value in one.items() if name not in ("id", "spec_version")}
            assert stix2.parse_observable(again, version="2.1").id == one["id"]


def test_every_reference_leads_to_something_in_the_bundle() -> None:
    for story in STORIES:
        made = as_read(story)
        ids = [one["id"] for one in made["objects"]]
        assert len(ids) == len(set(ids))
        for one in made["objects"]:
            named = [value for name, value in one.items() if name.endswith("_ref")]
            named += [value for name, values in one.items() if name.endswith("_refs") for value in values]
            assert set(named) <= set(ids)


def test_the_same_incident_gives_the_same_bundle_and_another_another() -> None:
    """Sent twice it is one thing. Ids of observables are in the standard's namespace, all others are not."""
    one, two = as_read("an ssh session through a relay"), as_read("a tunnel that idles")
    assert one == as_read("an ssh session through a relay")
    assert one["id"] != two["id"]
    assert of_kind(one, "incident")[0]["id"] != of_kind(two, "incident")[0]["id"]
    assert of_kind(one, "identity") == of_kind(two, "identity")
    (address,) = of_kind(one, "ipv4-addr")
    canonical = '{"value":"203.0.113.7"}'
    assert address["id"] == f"ipv4-addr--{uuid.uuid5(OBSERVABLES, canonical)}"


def test_it_says_who_came_from_where_through_what() -> None:
    made = as_read("an ssh session through a relay")
    assert [one["value"] for one in of_kind(made, "ipv4-addr")] == ["203.0.113.7"]
    assert [one["name"] for one in of_kind(made, "file")] == ["agentd"]
    assert [one["path"] for one in of_kind(made, "directory")] == ["/opt/x"]
    assert [one["account_login"] for one in of_kind(made, "user-account")] == ["pi"]
    assert of_kind(made, "network-traffic")[0]["dst_port"] == 22
    assert {one["name"] for one in of_kind(made, "attack-pattern")} == {"T1572", "T1090", "T1021.004"}
    other = as_read("an ssh session from the internet")
    assert [one["value"] for one in of_kind(other, "ipv6-addr")] == ["2001:db8::7"]


def test_hostile_texts_are_values_and_nothing_else() -> None:
    """No id, type, reference or pattern is made of them but as what is hashed."""
    made = as_read("hostile texts")
    assert of_kind(made, "ipv4-addr") == [] and of_kind(made, "network-traffic") == []
    assert {one["name"] for one in of_kind(made, "attack-pattern")} == {"T1572", "T1021.004"}
    assert of_kind(made, "incident")[0]["name"] == EVIL
    assert all(uuid.UUID(one["id"].partition("--")[2]).version == 5 for one in made["objects"])


def test_times_that_are_none_are_the_beginning() -> None:
    assert stamp(float("nan")) == stamp("x") == stamp(-5) == "1970-01-01T00:00:00.000Z"
    assert stamp(1e300) == "9999-12-31T23:59:59.000Z"
    assert stamp(1_700_000_000.1239) == "2023-11-14T22:13:20.124Z"


@pytest.mark.parametrize(("surface", "protocol"), [("ssh", "tcp"), ("udp", "udp"), ("camera", "ipv4")])
def test_a_connection_has_the_protocol_that_its_surface_is_used_by(surface: str, protocol: str) -> None:
    """Who drives by datagrams has no TCP connection that anybody could look for."""
    story = STORIES["an ssh session through a relay"]
    sessions = [{**session, "surface": surface} for session in story["sessions"]]
    made = json.loads(json.dumps(bundle({**story, "sessions": sessions}, "go1-07")))
    assert [one["protocols"] for one in of_kind(made, "network-traffic")] == [[protocol]]
    result = validate_instance(made, OPTIONS)
    assert result.is_valid and [str(one) for one in result.warnings if ADVICE_NOT_TAKEN not in str(one)] == []


def test_an_incident_that_ends_before_it_begins_is_a_bundle_all_the_same() -> None:
    """Times follow clocks, and a clock may have been wrong."""
    story = STORIES["an ssh session through a relay"]
    made = json.loads(json.dumps(bundle({**story, "last_t": story["first_t"] - 60}, "go1-07")))
    assert [str(error) for error in validate_instance(made, OPTIONS).errors] == []
