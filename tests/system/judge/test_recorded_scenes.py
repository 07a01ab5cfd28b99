"""What a real agent told of attacks that were acted out with real programs, judged: one incident each, with its story.

A few scenes of the corpus; `make corpus` judges all of them, and acts them.
"""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from tests.robots.attacks import recordings
from tests.robots.attacks.catalogue import named
from tests.robots.attacks.judging import Incident
from tests.robots.attacks.results import of_recording
from wachhund.judge import mind
from wachhund.judge.engine import Judge
from wachhund.judge.fact import Fact, TokenRef
from wachhund.judge.rule_loading import load_rules
from wachhund_evidence import observation_from_line

pytestmark = pytest.mark.thorough


def the_incident(name: str) -> Incident:
    """The one that came of a scene, as its story says."""
    (scene,) = [one for one in named([name]) if one.name == name]
    result = of_recording(scene)
    assert result.ok, result.verdict
    (incident,) = result.incidents
    return incident


@pytest.mark.parametrize(
    ("name", "file"),
    [("root-rc", "/etc/rc.local"), ("root-preload", "/etc/ld.so.preload"), ("root-pam", "/etc/pam.d/"),
     ("visitor-profile", "/home/pi/.")],
)  # fmt: skip
def test_a_file_by_which_something_starts_or_lets_somebody_in_is_an_incident(name: str, file: str) -> None:
    """Shell start-up files, the loader's preload and PAM: what makes somebody stay."""
    incident = the_incident(name)
    assert file in incident["title"] + " ".join(incident["story"])


def test_who_drives_beside_the_phone_is_told_and_that_the_orders_may_be_either_ones() -> None:
    """The phone drives through nginx, somebody else through a relay; the broker tells what was ordered, not by whom."""
    incident = the_incident("two-controllers")
    assert incident["level"] == "critical"
    assert any("controller/stick: by this visitor or one of 1 others" in line for line in incident["story"])


def test_tunnel_login_camera_and_control_are_one_story() -> None:
    """An operator must not put four alerts together at night."""
    incident = the_incident("vendor-complete")
    assert {"ssh", "camera", "mqtt"} <= {one["surface"] for one in incident["sessions"]}


def said(facts: Sequence[Fact], cuts: Sequence[int], forgets: bool) -> dict[str, dict[str, Any]]:
    """Incidents and sessions; `forgets`: at each cut another judge goes on with the mind that was written down."""
    rules = load_rules().rules
    judge, found = Judge(rules), dict[str, dict[str, Any]]()
    for begin, end in zip([0, *cuts], [*cuts, len(facts)], strict=True):
        judgement = judge.feed(facts[begin:end])
        found.update((one["id"], one) for one in (*judgement.incidents, *judgement.sessions))
        if forgets:
            minds = judge.minds(["rex"])
            judge = Judge(rules)
            judge.recall({robot: mind.read(body) for robot, body in minds.items()}, ())
    return found


@pytest.mark.parametrize(
    "name", ["anydesk-idle", "cloudflared-idle", "ngrok-idle", "vendor-complete", "two-controllers", "sshuttle"]
)
def test_a_scene_says_the_same_wherever_it_is_cut_and_whoever_goes_on(name: str) -> None:
    """Whether facts come together, and whether the host starts again between them, is no part of the story."""
    told = [observation_from_line(line) for line in recordings.read(name)[1].splitlines()]
    facts = [Fact("rex", one.t, "boot", TokenRef("chain", place, 0), one) for place, one in enumerate(told)]
    whole = said(facts, [], forgets=False)
    for seed in range(2):
        cuts = sorted(random.Random(seed).sample(range(1, len(facts)), 12))
        assert said(facts, cuts, forgets=False) == whole
        assert said(facts, cuts, forgets=True) == whole
