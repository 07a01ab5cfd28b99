"""The pages of rules and keys: what a host looks for and by which key it is known, and nothing secret."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.unit.host.web.conftest import HERE
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys, make_recovery_key
from wachhund.ledger import Ledger
from wachhund.rulebook import shelf
from wachhund.rulebook.listing import listing
from wachhund.serving.pages import about_keys
from wachhund.web.app import create_app
from wachhund.web.door import Door
from wachhund.web.live import LiveBoard

OWN = """title: A shell of ours <b>
id: 7f9b2f0e-5e0e-4a52-9a52-8d0c1f8f3b61
logsource: {category: process_creation, product: linux}
detection: {selection: {Image|endswith: /ours}, condition: selection}
level: high
"""


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data").make()


@pytest.fixture
def operator(ledger: Ledger, door: Door, data: DataFolder) -> Iterator[TestClient]:
    """Somebody at a host with its own keys and rules."""
    keys = HostKeys.load_or_create(data)
    app = create_app(
        ledger, door, LiveBoard(), rulebook=lambda: listing(shelf.in_use(data)),
        about_keys=lambda: about_keys(keys, data),
    )  # fmt: skip
    first = door.first_keys()
    assert first is not None
    with TestClient(app, base_url=HERE, follow_redirects=False) as client:
        assert client.post("/login", data={"code": first.code}).status_code == 303
        yield client


def test_each_rule_is_told_with_where_it_is_from_and_what_is_not_in_use_with_the_reason(
    operator: TestClient, data: DataFolder
) -> None:
    data.rules.mkdir(exist_ok=True)
    (data.rules / "ours.yml").write_text(OWN)
    (data.rules / "broken.yml").write_text("title: <script>alert(1)</script>\n")
    page = operator.get("/settings/rules").text
    assert "A shell of ours &lt;b&gt;" in page and "1 file is not in use" in page and "broken.yml" in page
    assert "<script>alert" not in page
    found = operator.get("/settings/rules", params={"q": "A shell of OURS"}).text
    assert found.count('data-label="Rule"') == 1 and "/hunt?rule=7f9b2f0e" in found
    assert "No rule has these words" in operator.get("/settings/rules", params={"q": "no such words"}).text


def test_a_host_without_a_recovery_key_says_what_that_means_until_there_is_one(
    operator: TestClient, data: DataFolder, tmp_path: Path
) -> None:
    page = operator.get("/settings/keys").text
    assert HostKeys.load_or_create(data).kid in page and "can't be won back" in page
    name = make_recovery_key(data, tmp_path / "offline.key")
    page = operator.get("/settings/keys").text
    assert name in page and "can't be won back" not in page and "This is the first one" in page
    assert "PRIVATE" not in page


def test_an_application_that_knows_neither_says_which_command_does(ledger: Ledger, door: Door) -> None:
    first = door.first_keys()
    assert first is not None
    with TestClient(create_app(ledger, door, LiveBoard()), base_url=HERE, follow_redirects=False) as client:
        client.post("/login", data={"code": first.code})
        for page, words in (("rules", "wachhund rules list"), ("keys", "wachhund host-key show")):
            answer = client.get(f"/settings/{page}")
            assert answer.status_code == 404 and words in answer.text
