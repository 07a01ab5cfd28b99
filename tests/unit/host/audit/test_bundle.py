"""A bundle: what somebody who trusts nobody here can prove with it, and what every change to it does."""

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from tests.robots.handed_on import bundle_of, checked, forged, lines_of, parts_of, with_lines
from tests.robots.host_bench import HostBench
from tests.robots.ledger_place import beside
from tests.robots.scripted import ScriptedRobot
from tests.robots.three_days import DAY, MARKER, T, ThreeDays
from wachhund.audit.bundle import MAX_LINE_BYTES, README_TEXT
from wachhund.audit.exporting import Wanted
from wachhund.audit.plain_zip import plain_zip_of
from wachhund.audit.verifying_bundle import Checked, UnusableBundle
from wachhund.ledger.schema import robot_keys
from wachhund_evidence import (
    MisuseError,
    ReceiptClaims,
    load_public_key_pem,
    public_key_pem,
    sign_receipt,
    thumbprint,
    token_hash,
    ueid_of,
)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[ThreeDays]:
    bench = HostBench(tmp_path / "host")
    yield ThreeDays(bench, each=6)
    bench.close()


def states(found: Checked) -> dict[str, str]:
    """Each word's state, the manifest's too."""
    return {"manifest": found.manifest.state, **{name: word.state for name, word in found.robot.words.items()}}


ALL_WELL = {
    "manifest": "not checked", "signatures": "proven", "identity": "not checked", "order": "proven",
    "completeness": "proven", "freshness": "not checked",
}  # fmt: skip


def test_an_honest_bundle_is_proven_and_says_what_only_the_host_can_say(told: ThreeDays, tmp_path: Path) -> None:
    found = checked(tmp_path, bundle_of(told.bench, Wanted(told.row.id)))
    assert states(found) == ALL_WELL and found.is_proven and found.robot.faults == []
    assert (found.robot.tokens, found.robot.links, found.robot.holes) == (18, 17, 0)
    assert "only the host can check its challenges; by its word 18 of 18" in found.robot.words["freshness"].why


def test_who_knows_the_keys_from_elsewhere_proves_whose_it_is(told: ThreeDays, tmp_path: Path) -> None:
    data = bundle_of(told.bench, Wanted(told.row.id))
    robot = load_public_key_pem(told.robot.public_pem)
    host = told.bench.keys.key.public_key()
    known = checked(tmp_path, data, robots={thumbprint(robot): robot}, hosts={thumbprint(host): host})
    assert states(known) == {**ALL_WELL, "manifest": "proven", "identity": "proven"}
    other = Ed25519PrivateKey.generate().public_key()
    strange = checked(tmp_path, data, robots={thumbprint(other): other}, hosts={thumbprint(other): other})
    assert not strange.is_proven
    assert {"manifest", "signatures", "identity"} <= {
        name for name, is_ in states(strange).items() if is_ == "not proven"
    }


def test_what_was_erased_is_there_as_hashes_with_who_and_why(told: ThreeDays, tmp_path: Path) -> None:
    told.erase_span(T + DAY, T + DAY + 100)
    data = bundle_of(told.bench, Wanted(told.row.id))
    assert f"/{MARKER}/7".encode() not in data
    found = checked(tmp_path, data)
    assert states(found) == ALL_WELL
    assert (found.robot.tokens, found.robot.erased) == (12, 6)
    assert found.robot.acts[0]["why"] == "she asked for it" and found.robot.acts[0]["by"] == "admin"
    assert "6 erased by the host" in found.robot.words["completeness"].why
    hashes = [
        one for line in lines_of(parts_of(tmp_path, data)) if "erased" in line for one in line["erased"]["hashes"]
    ]
    assert hashes == [token_hash(told.robot.made[seq]) for seq in range(7, 13)]


def test_a_span_is_complete_in_itself(told: ThreeDays, tmp_path: Path) -> None:
    """From the first number that was made in it to the last; nothing is said of the rest."""
    found = checked(tmp_path, bundle_of(told.bench, Wanted(told.row.id, T + DAY, T + DAY + 100)))
    assert states(found) == ALL_WELL and found.robot.tokens == 6 and found.robot.links == 5
    assert "nothing is said of what came before the first" in found.robot.words["completeness"].why


def test_an_incident_goes_with_its_time_and_all_it_rests_on(told: ThreeDays, tmp_path: Path) -> None:
    incident = {"id": "i", "robot": told.row.id, "state": "open", "level": "high", "kind": "relay", "first_t": T + DAY,
                "last_t": T + DAY + 5, "title": "x",
                "evidence": [{"chain": told.robot.chain, "seq": 2, "items": [0]}, {"line": 7},
                             {"chain": "elsewhere", "seq": 1}]}  # fmt: skip
    told.ledger.save_judgement(10_000, [incident], [])
    data = bundle_of(told.bench, Wanted(told.row.id, incident="i"))
    found = checked(tmp_path, data)
    assert states(found) == ALL_WELL and found.robot.tokens == 7
    assert json.loads(parts_of(tmp_path, data)["incident.json"]) == incident
    with pytest.raises(MisuseError, match="no such incident of this robot"):
        bundle_of(told.bench, Wanted(told.row.id, incident="nowhere"))


def test_what_the_robot_states_as_lost_and_holds_back_is_accounted_for(told: ThreeDays, tmp_path: Path) -> None:
    told.robot.skip(3)
    gap = told.robot.saw("agent.gap", from_seq=19, to_seq=21, lost=7, reason="journal full", until=1.0)
    told.now = T + 3 * DAY
    told.bench.take(told.row, told.robot.token(gap), t=told.now)
    told.robot.skip(5)
    beat = told.robot.saw("heartbeat", held_back_tokens=5, held_back_from=23)
    told.bench.take(told.row, told.robot.token(beat), t=told.now)
    found = checked(tmp_path, bundle_of(told.bench, Wanted(told.row.id)))
    assert states(found) == ALL_WELL and (found.robot.stated_lost, found.robot.held_back) == (3, 5)
    told.now += 100
    told.bench.take(told.row, told.robot.token(told.robot.saw("heartbeat", held_back_from=None)), t=told.now)
    later = checked(tmp_path, bundle_of(told.bench, Wanted(told.row.id)))
    assert states(later) == {**ALL_WELL, "completeness": "not proven"} and later.robot.holes == 5


def test_a_statement_outside_a_span_goes_with_it(told: ThreeDays, tmp_path: Path) -> None:
    """Else a hole that the robot explained a day later would look like one that nobody explains."""
    told.robot.skip(2)
    told.tell(T + 2 * DAY + 10, 1)
    gap = told.robot.saw("agent.gap", from_seq=19, to_seq=20, lost=None, reason="skipped", until=1.0)
    told.now = T + 9 * DAY
    told.bench.take(told.row, told.robot.token(gap), t=told.now)
    found = checked(tmp_path, bundle_of(told.bench, Wanted(told.row.id, T + 2 * DAY, T + 2 * DAY + 20)))
    assert states(found) == ALL_WELL and found.robot.stated_lost == 2 and found.robot.tokens == 8


def test_a_fork_and_a_new_chain_are_told(told: ThreeDays, tmp_path: Path) -> None:
    told.robot.chain, told.robot.seq = ScriptedRobot().chain, 0
    told.tell(T + 4 * DAY, 2)
    found = checked(tmp_path, bundle_of(told.bench, Wanted(told.row.id)))
    assert states(found) == ALL_WELL and (found.robot.chains, found.robot.joined) == (2, 1)
    told.robot.rewind(1)
    told.bench.take(told.row, told.robot.heartbeat(), t=T + 5 * DAY)
    forked = checked(tmp_path, bundle_of(told.bench, Wanted(told.row.id)))
    assert states(forked) == {**ALL_WELL, "order": "not proven"} and forked.robot.forks == 1


def test_receipts_that_the_robot_shows_are_proven_and_held_against_the_chain(told: ThreeDays, tmp_path: Path) -> None:
    """The host's word from back then binds it: it cannot put another token in the place later."""

    def shown(head: str) -> str:
        claims = ReceiptClaims(told.robot.ueid, told.robot.chain, 18, head, (), token_hash(told.robot.made[18]),
                               told.bench.nonce(told.robot, T), int(T))  # fmt: skip
        return sign_receipt(claims, told.bench.keys.key)

    told.now = T + 3 * DAY
    told.bench.take(told.row, told.robot.token(receipt=shown(token_hash(told.robot.made[18]))), t=told.now)
    found = checked(tmp_path, bundle_of(told.bench, Wanted(told.row.id)))
    assert states(found) == ALL_WELL and found.robot.receipts == 1
    told.bench.take(told.row, told.robot.token(receipt=shown(token_hash(told.robot.made[17]))), t=told.now)
    other = checked(tmp_path, bundle_of(told.bench, Wanted(told.row.id)))
    assert states(other)["order"] == "not proven" and "once receipted another token" in other.robot.faults[0]


def test_a_rotated_key_is_the_same_robot(told: ThreeDays, tmp_path: Path) -> None:
    """The ueid is made from the first key; a bundle holds them all."""
    new = Ed25519PrivateKey.generate()
    with beside(told.ledger.path) as connection:
        pem = public_key_pem(new.public_key()).decode()
        row = (thumbprint(new.public_key()), told.row.id, told.robot.ueid, pem, 1.0, None)
        connection.execute(insert(robot_keys).values(row))
    told.bench.roster._robots.clear()
    told.bench.roster._mark = -1  # no act is on record of what went around the ledger
    told.bench.roster.refresh()
    told.robot.key = new
    told.tell(T + 3 * DAY, 2)
    found = checked(tmp_path, bundle_of(told.bench, Wanted(told.row.id)))
    assert states(found) == ALL_WELL and found.robot.tokens == 20 and len(found.robot.keys) == 2


def test_any_unzip_opens_it(told: ThreeDays) -> None:
    """What is handed on must not need us to be looked at."""
    opened = zipfile.ZipFile(io.BytesIO(bundle_of(told.bench, Wanted(told.row.id))))
    assert opened.testzip() is None
    assert opened.namelist() == ["README.txt", "bundle.json", "evidence-0001.jsonl", "manifest.jws"]
    assert opened.read("README.txt").decode() == README_TEXT
    about = json.loads(opened.read("bundle.json"))
    assert [act["act"] for act in about["acts"]] == ["add"] and about["robot"]["name"] == "rex"


@pytest.mark.parametrize("step", [17, pytest.param(1, marks=pytest.mark.thorough)])
def test_every_byte_that_is_altered_is_noticed(told: ThreeDays, tmp_path: Path, step: int) -> None:
    """Wherever it lies: in a header, between parts, in a text, in the manifest. Each is refused or reported."""
    small = bundle_of(told.bench, Wanted(told.row.id, T, T + 1))
    unnoticed = []
    for place in range(0, len(small), step):
        data = bytearray(small)
        data[place] ^= 1 << place % 8
        try:
            found = checked(tmp_path, bytes(data))
        except UnusableBundle:
            continue
        if found.is_proven and found.manifest.state != "not proven":
            unnoticed.append(place)
    assert unnoticed == [] and len(small) > 5_000


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_cut_out_put_in_or_doubled_is_noticed(told: ThreeDays, tmp_path: Path, data: st.DataObject) -> None:
    """No change of any length makes another proven bundle of it, or a traceback."""
    whole = bundle_of(told.bench, Wanted(told.row.id, T, T + 1))
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, min(len(whole), begin + 400)))
    put_in = data.draw(st.binary(max_size=60) | st.just(whole[begin:end] * 2) | st.just(b"\n") | st.just(b"PK\x05\x06"))
    changed = whole[:begin] + put_in + whole[end:]
    try:
        found = checked(tmp_path, changed)
    except UnusableBundle:
        return
    assert changed == whole or not found.is_proven


@pytest.mark.parametrize("cut", [0, 1, 3, 22, 100, 0.5, 0.99, -1])
def test_what_is_cut_off_is_no_bundle(told: ThreeDays, tmp_path: Path, cut: float) -> None:
    data = bundle_of(told.bench, Wanted(told.row.id))
    left = data[: int(len(data) * cut) if isinstance(cut, float) else cut]
    with pytest.raises(UnusableBundle):
        checked(tmp_path, left)


def _zipped(compression: int = zipfile.ZIP_STORED, **parts: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as made:
        for name, content in parts.items():
            made.writestr(name.replace("_", "."), content)
    return stream.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"PK",
        b"PK\x05\x06" + bytes(18),
        b"PK\x05\x06" + b"\xff" * 18,
        _zipped(README_txt=b"x"),
        _zipped(zipfile.ZIP_DEFLATED, bundle_json=b" " * 50_000_000),
        plain_zip_of({"README.txt": b"", "bundle.json": b"{}", "manifest.jws": b""}) + b"more",
        b"before" + plain_zip_of({"README.txt": b"", "bundle.json": b"{}", "manifest.jws": b""}),
        plain_zip_of({"README.txt": b"", "bundle.json": b"{}", "manifest.jws": b""}),
        plain_zip_of({"README.txt": b"", "bundle.json": b"[" * 100_000, "manifest.jws": b""}),
        plain_zip_of({"README.txt": b"", "bundle.json": b" " * (5 << 20), "manifest.jws": b""}),
        plain_zip_of({"README.txt": b"", "bundle.json": b"{}", "other.json": b"{}", "manifest.jws": b""}),
        plain_zip_of({"bundle.json": b"{}", "README.txt": b"", "manifest.jws": b""}),
        plain_zip_of({f"evidence-{n:04d}.jsonl": b"" for n in range(1, 129)}),
    ],
)
def test_what_is_no_bundle_is_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UnusableBundle) as caught:
        checked(tmp_path, data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", [b"../../../../etc/x", b"/etc/passwd", b"README.txt", b"\xff\xfe\x00\x01.json", b"a\\b.json"]
)
def test_names_that_lead_elsewhere_or_stand_twice_are_refused(told: ThreeDays, tmp_path: Path, name: bytes) -> None:
    """Nothing is ever written by a name in a bundle, and nobody else should either."""
    data = plain_zip_of({"README.txt": b"x", "a" * (len(name) - 5) + ".json": b"{}", "manifest.jws": b""})
    with pytest.raises(UnusableBundle):
        checked(tmp_path, data.replace(b"a" * (len(name) - 5) + b".json", name))


Change = Callable[[dict[str, bytes]], None]


def about(**changed: Any) -> Change:
    """bundle.json with other values; None takes one away."""

    def change(parts: dict[str, bytes]) -> None:
        whole = {**json.loads(parts["bundle.json"]), **changed}
        parts["bundle.json"] = json.dumps({name: value for name, value in whole.items() if value is not None}).encode()

    return change


@pytest.mark.parametrize(
    "change",
    [
        about(format="wachhund-bundle/2"),
        about(robot=None),
        about(robot={"id": 7, "name": "x"}),
        about(robot={"id": "x" * 5000, "name": "x"}),
        about(host={"kid": "x"}),
        about(keys={}),
        about(keys=[{"kid": "a", "ueid": "b", "key": "c"}] * 1_001),
        about(ranges=[{"chain": "x", "from_seq": 2, "to_seq": 1}]),
        about(ranges=[{"chain": "x", "from_seq": 1, "to_seq": True}]),
        about(ranges=[{"chain": str(n), "from_seq": 1, "to_seq": 1} for n in range(10_001)]),
        about(ranges=7),
        about(erasures=[7]),
        about(made_t="now"),
        about(made_t=1e308 * 10),
    ],
)
def test_a_table_of_contents_that_lies_in_kind_is_refused(told: ThreeDays, tmp_path: Path, change: Change) -> None:
    data = bundle_of(told.bench, Wanted(told.row.id))
    with pytest.raises(UnusableBundle):
        checked(tmp_path, forged(tmp_path, data, change, told.bench.keys.key, told.row.id))


def lines(change: Callable[[list[Any]], list[Any]]) -> Change:
    """Other lines of evidence."""

    def changed(parts: dict[str, bytes]) -> None:
        parts["evidence-0001.jsonl"] = with_lines(change(lines_of(parts)))

    return changed


def _swapped(entries: list[Any]) -> list[Any]:
    return [entries[1], entries[0], *entries[2:]]


def _other_time(entries: list[Any]) -> list[Any]:
    return [{**entries[0], "nonce_t": entries[0]["nonce_t"] - 3600}, *entries[1:]]


ERASED = {"chain": "A" * 22, "first_seq": 1, "last_seq": 2, "prev": "", "hashes": ["A" * 43] * 2, "erasure": 1,
          "first_received_t": 1.0, "last_received_t": 1.0}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lines(lambda entries: entries[:5] + entries[6:]), "completeness"),
        (lines(lambda entries: entries[:-1]), "completeness"),
        (lines(lambda entries: []), "completeness"),
        (lines(_swapped), "order"),
        (lines(lambda entries: [*entries, entries[-1]]), "order"),
        (lines(lambda entries: [entries[0], *entries]), "order"),
        (lines(_other_time), "freshness"),
        (lines(lambda entries: [{**entries[0], "received_t": entries[0]["nonce_t"] - 999}, *entries[1:]]), "freshness"),
        (lines(lambda entries: [{**entries[0], "token": entries[0]["token"][:-9]}, *entries[1:]]), "signatures"),
        (lines(lambda entries: [7, *entries]), "signatures"),
        (lines(lambda entries: [{"else": 1}, *entries]), "signatures"),
        (lines(lambda entries: [{"fork": "x", "received_t": 1.0}, *entries]), "signatures"),
        (lines(lambda entries: [{"fork": "", "received_t": 1.0}, *entries]), "order"),
        (lines(lambda entries: [{"erased": {**ERASED, "hashes": []}}, *entries]), "signatures"),
        (lines(lambda entries: [{"erased": {**ERASED, "last_seq": 2**52}}, *entries]), "signatures"),
        (lines(lambda entries: [{"erased": {**ERASED, "hashes": ["A", "B"]}}, *entries]), "signatures"),
        (lines(lambda entries: [{"erased": ERASED}, *entries]), "completeness"),
        (about(ranges=[]), "completeness"),
        (about(ranges=[{"chain": "A" * 22, "from_seq": 1, "to_seq": 9}]), "completeness"),
        (about(ranges=[{"chain": "A" * 22, "from_seq": 1, "to_seq": 2**53 - 1}]), "completeness"),
        (about(keys=[]), "signatures"),
        (lambda parts: parts.update({"evidence-0001.jsonl": parts["evidence-0001.jsonl"][:-1]}), "signatures"),
        (lambda parts: parts.update({"evidence-0001.jsonl": b"x" * (MAX_LINE_BYTES + 300_000)}), "signatures"),
        (lambda parts: parts.update({"evidence-0001.jsonl": b"\n" * 1000}), "signatures"),
        (lambda parts: parts.update({"evidence-0001.jsonl": b"\xff\n"}), "signatures"),
    ],
)  # fmt: skip
def test_a_dishonest_host_cannot_prove_what_the_robot_did_not_sign(
    told: ThreeDays, tmp_path: Path, change: Change, word: str
) -> None:
    """It signs a new manifest over what it changed: that stands, and the word of what it changed does not."""
    data = bundle_of(told.bench, Wanted(told.row.id))
    found = checked(tmp_path, forged(tmp_path, data, change, told.bench.keys.key, told.row.id))
    assert states(found)["manifest"] == "not checked" and states(found)[word] == "not proven" and not found.is_proven


def test_a_key_under_a_foreign_name_proves_nothing(told: ThreeDays, tmp_path: Path) -> None:
    """A forger signs tokens himself, under the robot's ueid: no key of his made that name."""
    forger = Ed25519PrivateKey.generate().public_key()
    entry = {"kid": thumbprint(forger), "ueid": told.robot.ueid, "key": public_key_pem(forger).decode(), "since_t": 1.0}
    change = about(keys=[entry])
    data = forged(tmp_path, bundle_of(told.bench, Wanted(told.row.id)), change, told.bench.keys.key, told.row.id)
    found = checked(tmp_path, data)
    assert states(found)["identity"] == "not proven" and ueid_of(forger) != told.robot.ueid


@pytest.mark.parametrize("what", ["another", "readme", "robot", "part"])
def test_a_manifest_that_is_not_the_hosts_is_not_proven(told: ThreeDays, tmp_path: Path, what: str) -> None:
    data = bundle_of(told.bench, Wanted(told.row.id))
    key = Ed25519PrivateKey.generate() if what == "another" else told.bench.keys.key
    made = forged(tmp_path, data, lambda parts: None, key, "other00000" if what == "robot" else told.row.id)
    parts = parts_of(tmp_path, made)
    if what == "readme":
        parts["README.txt"] += b" "
    if what == "part":
        parts["manifest.jws"] = parts_of(tmp_path, bundle_of(told.bench, Wanted(told.row.id, T, T + 9)))["manifest.jws"]
    found = checked(tmp_path, plain_zip_of(parts))
    assert found.manifest.state == "not proven" and not found.is_proven
    assert found.robot.words["signatures"].state == "proven", "what the robot signed stands by itself"


def test_many_holes_and_statements_take_no_time(told: ThreeDays, tmp_path: Path) -> None:
    """What is quadratic in what an attacker writes is a way to stop whoever checks."""
    chain, places = told.robot.chain, [3 * number for number in range(40_000)]
    windows = [{"chain": chain, "from_seq": place + 1, "to_seq": place + 1} for place in places]
    gaps = [told.robot.saw("agent.gap", from_seq=place + 30, to_seq=place + 30, lost=1) for place in places[:1_900]]
    told.now = T + 3 * DAY
    told.robot.skip(200_000)
    told.bench.take(told.row, *(told.robot.token(*gaps) for _ in range(20)), t=told.now)
    data = forged(tmp_path, bundle_of(told.bench, Wanted(told.row.id)), about(ranges=windows), told.bench.keys.key,
                  told.row.id)  # fmt: skip
    before = os.times().user
    found = checked(tmp_path, data)
    assert found.robot.holes > 30_000 and os.times().user - before < 10


def test_a_bundle_that_would_be_too_large_is_refused(told: ThreeDays) -> None:
    from wachhund.audit.exporting import export

    with told.ledger.moment() as connection, pytest.raises(MisuseError, match="give a shorter span"):
        export(connection, Wanted(told.row.id), told.bench.keys.key, T, io.BytesIO(), limit=8_000)


def test_where_nothing_is_nothing_is_written(told: ThreeDays) -> None:
    with pytest.raises(MisuseError, match="nothing of that robot and span"):
        bundle_of(told.bench, Wanted(told.row.id, 1.0, 2.0))
