"""An incident's time as one picture: everything on one axis, in words for whoever hears the page, and text as text."""

import re

from starlette.testclient import TestClient

from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.ledger import Ledger
from wachhund.ledger.records import Unobserved
from wachhund.web.incident_timeline import draw_timeline, story_times, timeline

NOW = 1_800_000_600.0
INCIDENT = {
    "first_t": NOW - 500, "last_t": NOW - 100,
    "story": ["2027-01-15 08:01:40 UTC: A session began.", "no time at all", "2027-01-15 08:05:00 UTC: Commands."],
    "sessions": [
        {"surface": "ssh", "user": "pi", "first_t": NOW - 500, "last_t": None, "authorisation": None},
        {"surface": "camera", "user": None, "first_t": NOW - 400, "last_t": NOW - 300, "authorisation": {"id": "a1"}},
    ],
}  # fmt: skip


def test_everything_lies_on_one_axis_from_the_first_sign_to_the_last() -> None:
    """Sessions that go on reach to now; what was before or after is cut to the picture."""
    gaps = [Unobserved(NOW - 9000, NOW - 8000, "long before"), Unobserved(NOW - 250, None, "no evidence since")]
    line = timeline(INCIDENT, [NOW - 60], [NOW - 90, NOW - 30], gaps, NOW)
    assert (line.from_t, line.to_t, line.left_out) == (NOW - 500, NOW, 0)
    names = ["Seen", "ssh · pi", "camera", "People did", "People were told", "Nobody looked"]
    assert [str(lane.name) for lane in line.lanes] == names
    seen, ssh, camera, did, told, unseen = line.lanes
    assert len(seen.ticks) == 2 and did.ticks == (NOW - 60,) and told.ticks == (NOW - 90, NOW - 30)
    assert ssh.bars == ((NOW - 500, NOW, True),) and camera.bars == ((NOW - 400, NOW - 300, False),)
    assert unseen.bars == ((NOW - 250, NOW, False),)
    drawn = draw_timeline(line, NOW)
    assert 'aria-label="2 things seen, 2 sessions, 1 acts of people, 2 messages, 1 spans' in drawn
    places = [float(x) for x in re.findall(r' x="([\d.]+)"', drawn)] + [
        float(x) for x in re.findall(r'"M([\d.]+) 2v', drawn)
    ]
    assert len(places) == 8 and all(0 <= x <= 1000 for x in places)


def test_an_incident_of_one_moment_and_one_of_many_sessions_are_drawn_too() -> None:
    many = {**INCIDENT, "sessions": [{"surface": "web", "first_t": NOW - n, "last_t": NOW} for n in range(40)]}
    line = timeline(many, [], [], [], NOW)
    assert line.left_out == 34 and "and 34 more sessions" in draw_timeline(line, NOW)
    moment = timeline({"first_t": NOW, "last_t": NOW, "sessions": None, "story": None}, [], [], [], NOW)
    assert "NaN" not in draw_timeline(moment, NOW) and moment.to_t > moment.from_t


def test_times_of_a_story_are_its_own_words() -> None:
    assert story_times(["2027-01-15 08:00:00 UTC: x", "at 1e+300 s: y", "2027-01-15 08:00:00 UTC"]) == (
        1_800_000_000.0,
    )


def test_a_robots_text_in_it_is_text(operator: TestClient, ledger: Ledger, player: Player) -> None:
    """As on the whole page: a user's name may be anything."""
    session = player.session("s1", origin=RELAY_PATH, user="<script>alert(1)</script>", incident="i1")
    ledger.save_judgement(1, [player.incident("i1", sessions=[session])], [session])
    page = operator.get("/incidents/i1").text
    assert 'class="timeline" role="img"' in page and "On one axis" in page
    assert "<script>alert" not in page
