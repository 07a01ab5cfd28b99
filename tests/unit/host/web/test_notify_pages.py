"""Who is told: the page that says so, adds, tests and removes; the incident's page; the Fleet's reminder."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.host.notify.receivers import webhooks
from tests.unit.host.web.conftest import HERE, TestClient
from tests.unit.host.web.stage import Player
from tests.unit.host.web.test_pages import NASTY, plain
from wachhund.fleet.data_folder import DataFolder
from wachhund.ledger import Ledger, notify_queue
from wachhund.ledger.acts import Search
from wachhund.ledger.notify_records import DELIVERED, INCIDENT, Message
from wachhund.notify.sealing import Sealer
from wachhund.web.app import create_app
from wachhund.web.door import Door
from wachhund.web.live import LiveBoard
from wachhund.web.notify_pages import tells_of

PAGE = "/settings/notifications"


@pytest.fixture
def admin(ledger: Ledger, door: Door, tmp_path: Path) -> Iterator[TestClient]:
    """The first admin, at a host that can keep addresses."""
    sealer = Sealer.load_or_make(DataFolder(tmp_path / "keys").make())
    app = create_app(ledger, door, LiveBoard(), sealer=sealer, tells_of=tells_of(ledger.notifying))
    with TestClient(app, base_url=HERE, follow_redirects=False) as client:
        keys = door.first_keys()
        assert keys is not None
        assert client.post("/login", data={"code": keys.code}).status_code == 303
        yield client


def test_nobody_is_told_yet_is_said_here_and_on_fleet(admin: TestClient, player: Player) -> None:
    """An empty host that looks calm, and would tell nobody."""
    for path in ("/", PAGE):
        assert "Nobody is told yet" in plain(admin.get(path).text)


def test_a_target_is_added_marked_tested_and_removed_and_each_act_is_on_record(
    admin: TestClient, ledger: Ledger, player: Player
) -> None:
    """The secret is shown once; a failed test shows the other side's words; an untested target carries a mark."""
    with webhooks() as hook:
        form = {"name": "ops", "address": f"{hook.url}/s3cr3t", "allowed": "127.0.0.1", "level": "low", "drills": "on"}
        made = admin.post(PAGE, data=form)
        assert made.status_code == 200 and "whsec_" in made.text
        page = admin.get(PAGE)
        assert "whsec_" not in page.text and "s3cr3t" not in made.text + page.text
        assert "not tested" in plain(page.text) and "Nobody is told" not in plain(admin.get("/").text)
        hook.answer = lambda path: (403, {}, f"<b>go away</b> from {path}".encode())
        assert admin.post(f"{PAGE}/test", data={"name": "ops"}).headers["location"] == PAGE
        page = admin.get(PAGE)
        assert "test failed" in plain(page.text) and "go away" in page.text and "<b>go away" not in page.text
        assert "s3cr3t" not in page.text
        hook.answer = lambda path: (204, {}, b"")
        admin.post(f"{PAGE}/test", data={"name": "ops"})
        assert "test taken" in plain(admin.get(PAGE).text) and len(hook.got) == 2
    assert admin.post(f"{PAGE}/route", data={"name": "ops", "level": "high", "after": "15"}).status_code == 303
    page = admin.get(PAGE)
    assert "when nobody has taken it over after 15 min" in plain(page.text)
    number = re.findall(r'name="number" value="(\d+)"', page.text)[-1]
    assert admin.post(f"{PAGE}/unroute", data={"number": number}).status_code == 303
    assert admin.post(f"{PAGE}/remove", data={"name": "ops"}).status_code == 303
    assert "Nobody is told yet" in plain(admin.get(PAGE).text)
    _, acts = ledger.log.find(Search(), 50)
    assert [one.act for one in acts if one.act.startswith(("target", "route"))][::-1] == [
        "target add", "target test", "target test", "route add", "route remove", "target remove",
    ]  # fmt: skip
    assert {one.who for one in acts if one.act.startswith(("target", "route"))} == {"admin"}
    assert "s3cr3t" not in repr(acts)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": "", "address": "ntfys://x"}, "name: up to 60"),
        ({"name": "a", "address": "file:///etc/passwd"}, "ends on the host's own machine"),
        ({"name": "a", "address": "nonsense"}, "address: give one such as"),
        ({"name": "a", "address": "https://x.example", "allowed": "everything"}, "--allow-address"),
        ({"name": "a", "address": "https://x.example", "level": "loud"}, "--level"),
        ({"name": "a", "address": "https://x.example", "after": "soon"}, "give minutes"),
        ({"name": "a", "address": "https://x.example", "hours": "25:00-26:00"}, "--hours"),
    ],
)
def test_what_cannot_be_saved_says_why_and_changes_nothing(
    admin: TestClient, ledger: Ledger, player: Player, form: dict[str, str], words: str
) -> None:
    answer = admin.post(PAGE, data=form)
    assert answer.status_code == 422 and "Not saved, nothing changed" in answer.text and words in plain(answer.text)
    assert ledger.notifying.standing(0.0).targets == ()


def test_an_incident_says_who_was_told_and_whether_it_arrived(
    admin: TestClient, ledger: Ledger, player: Player
) -> None:
    """Or that nobody was, and why."""
    one = {
        "id": "abc", "robot": player.robot.id, "kind": "relay", "level": "high", "state": "open", "title": "A relay",
        "first_t": 1e9, "last_t": 1e9, "sessions": [], "origin": [], "rules": [], "attack": [], "advice": [],
        "story": [], "unknown": [], "evidence": [], "came_back": False, "surface": None, "robot_first_t": 1e9,
        "robot_last_t": 1e9,
    }  # fmt: skip
    ledger.save_judgement(0, [one], [])
    assert "no route leads to a target" in plain(admin.get("/incidents/abc").text)
    with ledger.notifying.writing() as connection:
        for name, words in (("ops", "HTTP 204"), ("boss", NASTY)):
            notify_queue.put(connection, Message(f"msg_{name}", "t", name, INCIDENT, "x", {}, 1e9), ["abc"])
            assert notify_queue.begin(connection, f"msg_{name}", 1e9)
            state = DELIVERED if name == "ops" else "waiting"
            notify_queue.settle(connection, f"msg_{name}", state, words, 1e9 + 3)
    page = admin.get("/incidents/abc")
    text = plain(page.text)
    assert re.search(r"ops\W+taken", text) and re.search(r"boss\W+waiting", text) and "HTTP 204" in text
    assert "<script>alert" not in page.text
