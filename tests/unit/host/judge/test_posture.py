"""How the robot stands: a finding is one incident until it is gone, or a part of the story of the tunnel."""

import pytest

from tests.unit.host.judge.recording import Recording, Verdicts


def state(scene: Recording, name: str, what: str, value: object = True) -> None:
    scene.tell("config.state", name=name, what=what, value=value)
    scene.wait(60)


@pytest.mark.parametrize(
    ("name", "what", "level", "word"),
    [
        ("default-password", "pi", "medium", "default password of pi"),
        ("tunnel-installed", "CloudSail", "low", "CloudSail is installed"),
        ("retained-message", "usys/uuid", "low", "enrolled at the vendor's cloud"),
    ],
)
def test_a_finding_is_one_incident_however_often_it_is_told(name: str, what: str, level: str, word: str) -> None:
    scene = Recording()
    for _ in range(3):
        state(scene, name, what)
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("posture", level)
    assert word in incident["title"] and len(incident["story"]) == 1


def test_a_finding_that_is_gone_closes_and_comes_back() -> None:
    scene = Recording()
    state(scene, "default-password", "pi")
    state(scene, "default-password", "pi", False)
    incident = Verdicts(scene.facts).only
    assert (incident["state"], incident["close_reason"]) == ("closed", "explained")
    state(scene, "default-password", "pi")
    again = Verdicts(scene.facts).only
    assert (again["id"], again["state"], again["came_back"]) == (incident["id"], "open", True)


@pytest.mark.parametrize("value", [False, None, "yes", 1])
def test_what_is_not_so_is_none(value: object) -> None:
    scene = Recording()
    state(scene, "default-password", "pi", value)
    assert Verdicts(scene.facts).incidents == {}


def test_the_files_of_one_tunnel_and_its_run_are_one_story() -> None:
    scene = Recording()
    for what in ("CloudSail", "CloudSail enrolled", "CloudSail installer"):
        state(scene, "tunnel-installed", what)
    scene.process(700, "/usr/local/zhexi/cloudsail/csclient")
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("tunnel", "high") and "CloudSail" in incident["title"]
    state(scene, "tunnel-installed", "CloudSail", False)
    assert Verdicts(scene.facts).only["state"] == "open", "it ran: that it was taken off does not close that"
