"""The OCSF form, held against OCSF's own schema: as JSON Schema, with nothing allowed that it does not name."""

import json
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from tests.unit.host.exports.stories import EVIL, incidents
from wachhund.exports.ocsf import VERSION, detection_finding

STORIES = incidents()


@cache
def validator() -> Draft202012Validator:
    """Of Detection Finding, in the version that our events say they are of."""
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=VERSION)).get_class_schema("detection_finding")
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def found_wrong(event: Any) -> list[str]:
    return [f"{list(error.path)}: {error.message[:200]}" for error in validator().iter_errors(event)]


@pytest.mark.parametrize("story", STORIES)
def test_each_incident_is_a_detection_finding_by_the_standards_own_schema(story: str) -> None:
    """Whoever takes OCSF takes ours."""
    event = json.loads(json.dumps(detection_finding(STORIES[story], "go1-07", "0.1"), allow_nan=False))
    assert found_wrong(event) == []
    assert (event["class_uid"], event["category_uid"]) == (2004, 2)
    assert event["type_uid"] == 200_400 + event["activity_id"]


@pytest.mark.parametrize(
    "broken",
    [{"severity_id": 77}, {"time": "now"}, {"metadata": {}}, {"finding_info": None}, {"nobody_knows_this": 1}],
    ids=lambda broken: next(iter(broken)),
)
def test_the_check_notices_what_is_no_such_event(broken: dict[str, Any]) -> None:
    """A validator that lets everything pass would prove nothing."""
    event = detection_finding(STORIES["an ssh session through a relay"], "go1-07", "0.1")
    assert found_wrong({**event, **broken}) != []


def test_it_says_who_came_from_where_through_what_and_where_the_proof_lies() -> None:
    """The story must survive the translation, not only the form."""
    event = detection_finding(STORIES["an ssh session through a relay"], "go1-07", "0.1")
    (evidence,) = event["evidences"]
    assert evidence["src_endpoint"] == {"ip": "203.0.113.7", "port": 443}
    assert evidence["dst_endpoint"] == {"svc_name": "ssh", "port": 22}
    assert (evidence["process"]["name"], evidence["process"]["pid"]) == ("agentd", 812)
    assert evidence["user"] == {"name": "pi"}
    assert {one["value"] for one in event["observables"]} == {"203.0.113.7", "pi", "agentd"}
    assert event["device"]["name"] == "go1-07"
    assert {"technique": {"uid": "T1021"}, "sub_technique": {"uid": "T1021.004"}} in event["finding_info"]["attacks"]
    assert event["finding_info"]["related_events_count"] == len(event["finding_info"]["related_events"]) > 0
    assert event["severity"] == "Critical" and event["is_alert"] is True


def test_what_was_allowed_is_suppressed_and_no_alert() -> None:
    event = detection_finding(STORIES["one that was allowed"], "go1-07", "0.1")
    assert (event["activity_name"], event["status"], event["status_detail"]) == ("Close", "Suppressed", "allowed")
    assert event["is_alert"] is False


def test_hostile_texts_stay_texts_and_become_nothing_else() -> None:
    """No address, port, technique or rule id is made of them; a long one is cut."""
    event = detection_finding(STORIES["hostile texts"], "go1-07", "0.1")
    first = event["evidences"][0]
    assert "src_endpoint" not in first and "port" not in first.get("dst_endpoint", {})
    assert first["process"]["pid"] == 7 and len(first["user"]["name"]) == 125
    assert [one["technique"]["uid"] for one in event["finding_info"]["attacks"]] == ["T1572", "T1021"]
    assert "uid" not in event["finding_info"]["analytic"]
    assert event["message"] == EVIL
