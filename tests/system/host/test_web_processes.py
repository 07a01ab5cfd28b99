"""Two `wachhund web` on one PostgreSQL, and people who are sent to the other one with each request."""

import html
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.robots.ledger_place import beside, name_server
from tests.robots.ports import free_port
from tests.robots.served_host import Host
from tests.robots.throw_away_postgres import PROGRAMS, ThrowAwayPostgres
from tests.robots.web_process import ORIGIN, Browser, WebProcess
from tests.unit.host.web.authenticator import Authenticator
from tests.unit.host.web.provider import CLIENT, SECRET, Provider
from tests.unit.host.web.stage import Player
from tests.waiting import until
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger
from wachhund.ledger.place import shown

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")
RULE = """title: Somebody runs nosuchtool
id: 7c4b1d2e-9f7a-4d0e-8a51-2f1c3b5a9e01
status: test
description: Only for a test.
logsource:
  product: linux
  category: process_creation
detection:
  selection:
    Image|endswith: /nosuchtool
  condition: selection
level: low
"""


class Site:
    """A server, a data folder, and two processes of the pages."""

    def __init__(self, folder: Path, provider: Provider) -> None:
        self.server, self.provider = ThrowAwayPostgres(), provider
        self.data = DataFolder(folder / "data").make()
        HostKeys.load_or_create(self.data)
        name_server(self.data.ledger, self.server.database())
        (folder / "secret").write_text(f"{SECRET}\n")
        said = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret_file": "secret", "title": "the lab",
                "ca_file": str(provider.ca_file)}  # fmt: skip
        (folder / "sign-on.json").write_text(json.dumps(said))
        more = ("--single-sign-on", str(folder / "sign-on.json"))
        self.processes = [WebProcess(self.data.path, *more) for _ in range(2)]
        for one in self.processes:
            one.wait_ready()

    @property
    def printed(self) -> list[str]:
        return [line for one in self.processes for line in one.printed]

    @property
    def password(self) -> str:
        (line,) = [line for line in self.printed if "first start" in line]
        return line.split("password ")[1].split()[0]

    def end(self) -> None:
        for one in self.processes:
            one.stop()
        self.server.end()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    provider = Provider(folder)
    try:
        site = Site(folder, provider)
        yield site
        site.end()
    finally:
        provider.end()


@pytest.fixture
def browser(site: Site) -> Iterator[Browser]:
    browser = Browser(*site.processes)
    yield browser
    browser.close()


@pytest.fixture
def admin(site: Site, browser: Browser) -> Browser:
    with_ledger(site, "DELETE FROM attempts")
    assert browser.post(0, "/login", name="admin", password=site.password).status_code == 303
    return browser


def with_ledger(site: Site, statement: str) -> None:
    """What a minute's waiting would do."""
    with beside(site.data.ledger) as connection:
        connection.exec_driver_sql(statement)


def test_of_two_that_start_at_once_one_makes_the_first_person(site: Site, browser: Browser) -> None:
    """Two passwords would be one too many, none would lock everybody out; and the printed code opens the other one."""
    assert len([line for line in site.printed if "first start" in line]) == 1
    (link,) = [line for line in site.printed if "/login#" in line]
    first = next(number for number, one in enumerate(site.processes) if link in one.printed)
    code = link.split("#")[1]
    assert link.split(": ")[-1].startswith(f"{ORIGIN}/login#")
    assert browser.post(1 - first, "/login", code=code).status_code == 303
    assert browser.get(first, "/api/v1/me").json()["operator"] == "admin"
    assert browser.post(first, "/login", code=code).status_code == 401


def test_a_login_is_of_all_processes_and_so_is_its_end(site: Site, admin: Browser) -> None:
    """Whoever logs out where somebody looks over the shoulder is out everywhere."""
    for at in (1, 0, 1):
        assert admin.get(at, "/").status_code == 200
    kept = dict(admin.cookies)
    assert admin.post(1, "/logout").status_code == 303
    admin.cookies = kept
    for at in (0, 1):
        assert admin.get(at, "/api/v1/me").status_code == 401


def test_guesses_are_counted_together(site: Site, browser: Browser) -> None:
    """A load balancer must not multiply what a guesser may try."""
    with_ledger(site, "DELETE FROM attempts")
    seen = [browser.post(n % 2, "/login", name="x", password="y").status_code for n in range(11)]
    assert seen == [401] * 10 + [429]
    with_ledger(site, "DELETE FROM attempts")


def test_a_passkey_is_made_and_shown_between_two_processes(site: Site, admin: Browser) -> None:
    """The challenge of one is answered to the other."""
    device = Authenticator(ORIGIN)
    page = admin.post(0, "/settings/me/passkeys", act="begin", name="key ring", password=site.password)
    found = re.search(r'data-options="([^"]*)"', page.text)
    assert found is not None, page.text
    answer = device.make(json.loads(html.unescape(found[1])))
    assert admin.post(1, "/settings/me/passkeys", act="add", answer=answer).status_code == 303
    other = Browser(*site.processes)
    options = other.post(1, "/login/passkey/begin").json()
    answer = device.show(options)
    assert other.post(0, "/login/passkey", answer=answer).status_code == 303
    assert other.get(1, "/api/v1/me").json()["operator"] == "admin"
    assert other.post(1, "/login/passkey", answer=answer).status_code == 401, "an answer is taken once"
    other.close()


def test_single_sign_on_ends_where_it_did_not_begin(site: Site, browser: Browser) -> None:
    """The provider sends the browser back to the one address, and the load balancer to whom it likes."""
    ledger = Ledger.open(site.data.ledger)
    try:
        ledger.people.make("bert", "", {"all": "viewer"}, by="a test", why="", t=time.time())
    finally:
        ledger.close()
    went = browser.get(0, "/login/single-sign-on", params={"next": "/incidents"})
    assert went.status_code == 303, went.text
    back = site.provider.visit(went.headers["location"])
    assert browser.get(1, "/login/single-sign-on/back", params=back).status_code == 200
    assert browser.get(0, "/api/v1/me").json()["operator"] == "bert"
    assert "not begun in this browser" in html.unescape(browser.get(0, "/login/single-sign-on/back", params=back).text)


def test_a_stream_goes_on_at_the_other_process(site: Site, admin: Browser) -> None:
    """By the id of what it showed: a state that the other does not know is told in full."""
    path = "/live/fleet?q=seen-by-nobody&page=1"  # what both have shown both know, and then there is nothing to tell

    def first(at: int, last_id: str, wanted: str) -> tuple[str, dict[str, Any]]:
        with admin.stream(at, path, last_id) as lines:
            name = identity = ""
            for line in lines:
                if line.startswith("id: "):
                    identity = line.removeprefix("id: ")
                elif line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: ") and name == wanted:
                    return identity, json.loads(line.removeprefix("data: "))
        raise AssertionError("the stream ended")

    identity, told = first(0, "", "change")
    again, told_again = first(1, identity, "change")
    assert told["slots"].keys() == told_again["slots"].keys() and again
    assert "t" in first(1, again, "beat")[1]


def test_a_preview_of_one_is_kept_by_the_other(site: Site, admin: Browser) -> None:
    """What was looked at is allowed, not looked at again and again."""
    ledger = Ledger.open(site.data.ledger)
    try:
        Player(ledger, "go1-07")
        told = {"who": "anna", "robots": "go1-07", "surface": "ssh", "sources": "203.0.113.7", "carrier": "relay",
                "until": "2h", "why": "gait tests"}  # fmt: skip
        page = admin.post(0, "/authorisations/preview", **told)
        seal = re.search(r'name="seal" value="([^"]+)"', page.text)
        assert seal is not None, page.text
        assert admin.post(1, "/authorisations", **told, seal=seal[1]).status_code == 303
        assert [one.why for one in ledger.authorisations.all()] == ["gait tests"]
    finally:
        ledger.close()


def test_a_hunt_is_followed_and_cancelled_from_the_other_process(site: Site, admin: Browser) -> None:
    """Its page is asked for again each two seconds, of whichever process."""
    went = admin.post(0, "/hunt", text=RULE, since="1h")
    assert went.status_code == 303, went.text
    at = went.headers["location"]
    assert admin.get(1, at).status_code == 200
    until(lambda: "done: 0 matches" in admin.get(1, at).text, 30, "the other one says how it ended")
    assert admin.post(1, f"{at}/cancel").status_code == 303
    assert "Somebody runs nosuchtool" in admin.get(1, "/hunt").text


def test_a_load_balancer_hears_that_each_is_well(site: Site, browser: Browser) -> None:
    for at in (0, 1):
        assert browser.get(at, "/healthz").json() == {"well": True}


def test_what_changes_the_hosts_key_waits_for_those_that_share_the_folder(site: Site) -> None:
    """A process of the pages would go on signing reports with the key of before."""
    done = subprocess.run(
        [sys.executable, "-m", "wachhund", "host-key", "rotate", "--data", str(site.data.path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "`wachhund web`" in done.stderr


def test_pages_beside_a_host_show_what_it_takes_in(tmp_path: Path) -> None:
    """No bell rings across: the look of each second finds it. And nothing of a host is started by the pages."""
    server = ThrowAwayPostgres()
    name_server(DataFolder(tmp_path / "data").make().ledger, server.database())
    host = Host(tmp_path / "data", free_port(), free_port())
    web = None
    try:
        host.wait_ready()
        web = WebProcess(tmp_path / "data").wait_ready()
        (link,) = [line for line in host.printed if "/login#" in line]
        browser = Browser(web)
        assert browser.post(0, "/login", code=link.split("#")[1]).status_code == 303
        made = subprocess.run(
            [sys.executable, "-m", "wachhund", "people", "invite", "anna", "--role", "viewer", "--why", "a test",
             "--data", str(tmp_path / "data")],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        assert "anna" in browser.get(0, "/settings/people").text
        browser.close()
        assert web.stop() == (0, "")
        assert httpx.get(f"http://127.0.0.1:{host.web}/healthz", timeout=20).json() == {"well": True}
    finally:
        if web is not None:
            web.stop()
        host.process.kill()
        host.process.communicate()
        server.end()


def test_what_stands_in_the_way_of_pages_is_said_in_one_line(tmp_path: Path) -> None:
    """A folder that is no host's, and a ledger in a file."""

    def refused(data: Path, *more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "wachhund", "web", "--data", str(data), "--listen", f"127.0.0.1:{free_port()}",
             *more],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done
        return done.stderr

    (tmp_path / "empty").mkdir()
    assert "holds no host.key and no nonce.secret" in refused(tmp_path / "empty")
    HostKeys.load_or_create(DataFolder(tmp_path / "file").make())
    assert "is a file, whose pages `wachhund serve` serves" in refused(tmp_path / "file")
    assert "--proxy: give --pages-at too" in refused(tmp_path / "file", "--proxy", "10.0.0.1")
    assert "--proxy: '10.0.0.1/8'" in refused(tmp_path / "file", "--pages-at", ORIGIN, "--proxy", "10.0.0.1/8")


def test_pages_are_read_from_a_standby_and_never_older_than_ones_own_act(tmp_path: Path) -> None:
    """What a person just did is on his next page, whoever shows it; without the standby all goes on."""
    server = ThrowAwayPostgres()
    data = DataFolder(tmp_path / "data").make()
    HostKeys.load_or_create(data)
    address = server.database()
    name_server(data.ledger, address)
    standby = server.standby()
    processes = [WebProcess(data.path, "--replica", shown(standby.address(address))) for _ in range(2)]
    browser = Browser(*processes)
    try:
        for one in processes:
            one.wait_ready()
        (link,) = [line for one in processes for line in one.printed if "/login#" in line]
        assert browser.post(0, "/login", code=link.split("#")[1]).status_code == 303
        number = 0
        # A standby that stalls for a moment is left alone for some seconds.
        while number < 20 or standby.reads() <= 40:
            assert number < 400, "most is read from the standby"
            name = f"person-{number}"
            made = browser.post(number % 2, "/settings/people", name=name, role="viewer", group="all", why="a test")
            assert made.status_code in (200, 303), made.text
            assert name in browser.get(1 - number % 2, "/settings/people").text
            number += 1
        standby.stop()
        assert name in browser.get(0, "/settings/people").text
        assert name in browser.get(1, "/settings/people").text
    finally:
        browser.close()
        said = [one.stop() for one in processes]
        standby.end()
        server.end()
    assert [status for status, _ in said] == [0, 0]
    left, back = "the primary is asked meanwhile", "is read from again"
    assert [text.count(left) - text.count(back) for _, text in said] == [1, 1], said
