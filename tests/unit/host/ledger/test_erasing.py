"""Forgetting: the text goes, from the file too; number, hash, link, who and why stay: the chain still proves."""

import sqlite3
from pathlib import Path

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.three_days import DAY, MARKER, T, ThreeDays
from wachhund.ledger import Ledger, LedgerError
from wachhund.ledger.keeping_records import AGE, SIZE
from wachhund_evidence import MisuseError, token_hash


@pytest.fixture
def told(bench: HostBench) -> ThreeDays:
    return ThreeDays(bench)


def test_what_is_old_goes_and_its_number_hash_link_and_reason_stay(told: ThreeDays) -> None:
    done = told.erase_before(T + DAY)
    assert done is not None and told.held() == set(range(31, 91))
    assert (done.tokens, done.observations, done.reason) == (30, 30, AGE) and done.finished_t is not None
    for seq in range(1, 31):
        left = told.ledger.keeping.erased_token(told.row.id, told.robot.chain, seq)
        assert left is not None and left.hash == token_hash(told.robot.made[seq])
        assert (left.erasure.by, left.erasure.why) == ("the host", "365 days are over")
        if seq > 1:
            assert left.prev == token_hash(told.robot.made[seq - 1])
    after = told.ledger.token(told.row.id, told.robot.chain, 31)
    assert after is not None and after.prev == token_hash(told.robot.made[30]) and after.earlier_seq == 30
    assert told.ledger.observations_after(0, 1000)[0].seq == 31
    (line,) = told.ledger.chain_line(told.row.id)
    assert (line.first_seq, line.last_seq, line.tokens, line.erased, line.gaps) == (1, 90, 60, 30, ())


def test_an_erased_token_that_comes_again_is_a_duplicate_and_stays_erased(told: ThreeDays) -> None:
    """A robot sends from its journal again; what was forgotten must not come back by that."""
    told.erase_before(T + DAY)
    (standing,) = told.bench.take(told.row, told.robot.made[7], t=T + 3 * DAY)
    assert standing.became == "duplicate" and standing.seq == 90
    assert 7 not in told.held()


def test_another_token_for_an_erased_number_is_a_fork(told: ThreeDays) -> None:
    """The copied key is found by the hash that stayed."""
    told.erase_before(T + DAY)
    told.robot.rewind(6)
    (standing,) = told.bench.take(told.row, told.robot.heartbeat(), t=T + 3 * DAY)
    assert standing.became == "fork"


def test_ids_are_never_given_twice(told: ThreeDays) -> None:
    """The judge counts by them: an id below its cursor would never be judged."""
    newest = told.ledger.newest_observations(told.row.id, 1)[0].id
    told.erase_span(T, T + 4 * DAY)
    assert told.held() == set()
    told.tell(T + 5 * DAY, 1)
    assert told.ledger.newest_observations(told.row.id, 1)[0].id == newest + 1


def test_a_span_goes_on_request_with_what_was_drawn_from_it(told: ThreeDays) -> None:
    session = {"id": "s", "robot": told.row.id, "surface": "ssh", "first_t": T + DAY, "last_t": T + DAY + 9,
               "user": MARKER}  # fmt: skip
    other = {**session, "id": "o", "first_t": T, "last_t": T + 9}
    incident = {"id": "i", "robot": told.row.id, "state": "open", "level": "high", "kind": "relay", "first_t": T + DAY,
                "last_t": T + DAY + 9, "title": MARKER, "rules": ["r"], "attack": [], "story": [MARKER],
                "evidence": [{"chain": told.robot.chain, "seq": 31, "items": [0]}]}  # fmt: skip
    told.ledger.save_judgement(10_000, [incident], [session, other])
    preview = told.ledger.keeping.preview(told.row.id, T + DAY, T + DAY + 100)
    assert (preview.sure.tokens, preview.sure.observations, preview.uncertain.tokens) == (30, 30, 0)
    assert preview.incidents == (("i", MARKER),) and preview.sessions == 1
    told.erase_span(T + DAY, T + DAY + 100)
    assert told.held() == {*range(1, 31), *range(61, 91)}
    assert [one["id"] for one in told.ledger.sessions()] == ["o"]
    (left,) = told.ledger.incidents()
    assert (left["id"], left["level"], left["state"], left["close_reason"]) == ("i", "high", "closed", "erased")
    assert MARKER not in str(left) and left["evidence"] == incident["evidence"]
    assert len(told.ledger.current_state(told.row.id).flows) == 60
    assert told.ledger.gaps(told.row.id) == [] and told.ledger.faults(told.row.id) == []
    spans = told.ledger.unobserved(told.row.id, T, T + 2 * DAY + 30)
    assert any(span.why == "what was seen then was erased" for span in spans)


def test_what_waited_on_the_robot_is_told_apart_and_goes_when_wanted(told: ThreeDays) -> None:
    """Nobody knows exactly when it was made: after its nonce, and before it arrived."""
    made = []
    told.robot.boot()
    for _ in range(5):
        told.now += 1
        made.append(told.robot.heartbeat())  # with the nonce of the third day
    told.now += 1
    told.bench.take(told.row, *made, t=T + 20 * DAY)
    late = told.ledger.keeping.preview(told.row.id, T + 5 * DAY, T + 6 * DAY)
    assert (late.sure.tokens, late.uncertain.tokens) == (0, 5)
    told.erase_span(T + 5 * DAY, T + 6 * DAY)
    assert told.held() == set(range(1, 96))
    told.erase_span(T + 5 * DAY, T + 6 * DAY, uncertain=True)
    assert told.held() == set(range(1, 91))


def test_what_is_held_is_neither_forgotten_nor_erased(told: ThreeDays) -> None:
    keeping = told.ledger.keeping
    number = keeping.hold(told.row.id, T + 10, T + 20, None, "admin", "a lawyer asks", T)
    with pytest.raises(MisuseError, match=f"hold {number} .a lawyer asks.: release it first"):
        told.erase_span(T, T + DAY / 2)
    assert told.erase_before(T + DAY) is None and keeping.erasures() == []
    assert told.held() == set(range(1, 91)), "a minute around it is held too"
    keeping.release(number, "admin", "over", T)
    with pytest.raises(MisuseError, match="none of that number that is on"):
        keeping.release(number, "admin", "over", T)
    told.erase_before(T + DAY)
    assert told.held() == set(range(31, 91))
    assert keeping.holds()[0].released_why == "over"


def test_an_incident_keeps_what_it_rests_on_for_as_long_as_itself(told: ThreeDays) -> None:
    incident = {"id": "i", "robot": told.row.id, "state": "open", "level": "high", "kind": "relay", "first_t": T,
                "last_t": T + 2 * DAY, "title": "x", "rules": [], "attack": [],
                "evidence": [{"chain": told.robot.chain, "seq": seq, "items": [0]} for seq in (3, 4)]}  # fmt: skip
    told.ledger.save_judgement(10_000, [incident], [])
    told.erase_before(T + DAY)
    assert told.held() == {3, 4, *range(31, 91)}
    assert told.ledger.incident("i") == incident
    told.erase_before(T + 2 * DAY + 1)
    assert told.held() == set(range(62, 91))
    left = told.ledger.incident("i")
    assert left is not None and left["close_reason"] == "erased"


def test_a_hold_of_an_incident_holds_it_and_its_time(told: ThreeDays) -> None:
    incident = {"id": "i", "robot": told.row.id, "state": "open", "level": "high", "kind": "relay", "first_t": T,
                "last_t": T + 29, "title": "x", "evidence": []}  # fmt: skip
    told.ledger.save_judgement(10_000, [incident], [])
    keeping = told.ledger.keeping
    with pytest.raises(MisuseError, match="no such incident"):
        keeping.hold(told.row.id, None, None, "nowhere", "admin", "why", T)
    keeping.hold(told.row.id, None, None, "i", "admin", "police", T)
    told.erase_before(T + 2 * DAY)
    assert told.held() == {*range(1, 31), *range(61, 91)} and told.ledger.incident("i") == incident


def test_what_the_judge_has_not_got_by_heart_is_left(told: ThreeDays) -> None:
    """Else a restart of the host would lose what incidents are found again by."""
    told.ledger.save_minds((45, 0, 0, 0), "v", {})
    told.erase_before(T + 9 * DAY, SIZE)
    assert told.held() == set(range(46, 91))


def test_evidence_cannot_be_deleted_without_a_trace_that_fits(told: ThreeDays) -> None:
    """The wall has one door: a token goes only where its own hash stands in `erased`."""
    database = told.ledger._database
    for statement in (
        "DELETE FROM tokens WHERE seq = 5",
        "DELETE FROM observations WHERE id = 5",
        "UPDATE tokens SET text = '' WHERE seq = 5",
    ):
        with pytest.raises(LedgerError, match="append-only"), database.writing() as connection:
            connection.exec_driver_sql(statement)
    told.erase_before(T + DAY)
    for statement in (
        "DELETE FROM erased",
        "UPDATE erased SET hashes = ''",
        "DELETE FROM erasures",
        "UPDATE erasures SET why = 'other'",
        "UPDATE erasures SET tokens = 0",
        "DELETE FROM holds",
    ):
        if statement == "DELETE FROM holds":
            told.ledger.keeping.hold(told.row.id, None, None, None, "a", "b", T)
        with pytest.raises(LedgerError, match="append-only"), database.writing() as connection:
            connection.exec_driver_sql(statement)


@pytest.mark.of_the_file
def test_nothing_of_it_is_left_in_the_file(told: ThreeDays) -> None:
    """Neither in free pages, nor in the write-ahead log, nor in half-used pages after the file was written anew."""
    path = told.ledger.path
    files = [path, path.with_name(path.name + "-wal")]
    assert any(MARKER.encode() in file.read_bytes() for file in files)
    told.erase_span(None, T + 9 * DAY)
    assert told.ledger.keeping.clear_wal()
    told.ledger.keeping.rewrite(T)
    left = {file.name: file.read_bytes().count(MARKER.encode()) for file in files if file.exists()}
    assert set(left.values()) == {0}, left
    rewritten = told.ledger.keeping.rewritten()
    assert rewritten is not None and rewritten[1] == told.ledger.keeping.erasures()[0].id


@pytest.mark.of_the_file
def test_room_is_given_back_a_little_at_a_time(told: ThreeDays) -> None:
    for day in range(3, 12):
        told.tell(T + day * DAY, 100)
    told.ledger.save_minds((100_000, 0, 0, 0), "v", {})
    keeping = told.ledger.keeping
    before = keeping.room()
    told.erase_before(T + 20 * DAY)
    emptied = keeping.room()
    assert emptied.file >= before.file and emptied.used < before.used / 2
    rounds = 0
    while keeping.give_back(20):
        rounds += 1
    assert rounds >= 2 and keeping.room().file == keeping.room().used
    assert keeping.clear_wal() and told.ledger.path.stat().st_size == keeping.room().file


@pytest.mark.of_the_file
def test_an_older_file_can_shrink_after_it_was_opened_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger.open(path).close()
    raw = sqlite3.connect(path, isolation_level=None)
    raw.executescript("PRAGMA journal_mode=DELETE; PRAGMA auto_vacuum=NONE; VACUUM;")
    raw.close()
    Ledger.open(path).close()
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    raw.close()
