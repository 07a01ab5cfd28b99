"""The offline check of a ledger: what was altered behind its back is found, by the robots' keys alone."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.ledger_place import all_that_it_holds, copy_data, without_walls
from tests.robots.scripted import ScriptedRobot
from tests.robots.three_days import DAY, T, ThreeDays
from wachhund.audit.proven import MAX_FAULTS, NOT_PROVEN, PROVEN, Proven
from wachhund.audit.verifying import verify_ledger
from wachhund.ledger.database import LedgerError
from wachhund.ledger.opening import reading_only
from wachhund_evidence import load_public_key_pem, thumbprint, token_hash


class Case:
    """A ledger with two robots' evidence, closed, and a copy to tamper with."""

    def __init__(self, folder: Path) -> None:
        bench = HostBench(folder / "host")
        self.robot = ScriptedRobot()
        row, other = bench.add("rex", self.robot), bench.add("bello", ScriptedRobot())
        bench.take(row, *(self.robot.heartbeat() for _ in range(20)))
        self.robot.skip(3)
        gap = self.robot.saw("agent.gap", from_seq=21, to_seq=23, lost=None, reason="skipped", until=1.0)
        bench.take(row, self.robot.token(gap))
        self.id, self.other = row.id, other.id
        bench.close()
        copy_data(folder / "host", folder / "copy")
        self.path = folder / "copy" / "ledger.sqlite"

    def tamper(self, *statements: str) -> None:
        """As whoever has the file, or owns the server, can: triggers are no wall for them."""
        with without_walls(self.path) as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def found(self, *pinned: bytes) -> Proven:
        keys = {thumbprint(key): key for key in map(load_public_key_pem, pinned)}
        with reading_only(self.path) as connection:
            return {one.robot: one for one in verify_ledger(connection, keys)}[self.id]

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "wachhund", "verify", *arguments], capture_output=True, text=True, timeout=60
        )


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    return Case(tmp_path)


def test_an_honest_ledger_is_proven_with_what_is_missing_told_beside_it(case: Case) -> None:
    """What the robot itself signed as lost is accounted for; what nobody speaks of is not."""
    found = case.found()
    assert found.is_proven and found.faults == []
    assert (found.tokens, found.signatures, found.links, found.chains) == (21, 21, 19, 1)
    assert (found.observations, found.holes, found.stated_lost, found.forks) == (21, 0, 3, 0)
    states = {name: word.state for name, word in found.words.items()}
    assert states == {
        "signatures": PROVEN, "identity": "not checked", "order": PROVEN, "completeness": PROVEN,
        "freshness": "not checked",
    }  # fmt: skip
    assert found.keys == [thumbprint(load_public_key_pem(case.robot.public_pem))]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE observations SET fields = '{}' WHERE id = 5", "not those that were signed"),
        ("UPDATE observations SET kind = 'x' WHERE id = 5", "not those that were signed"),
        ("UPDATE observations SET t = t + 1 WHERE id = 5", "not those that were signed"),
        ("DELETE FROM observations WHERE id = 5", "not those that were signed"),
        ("INSERT INTO observations SELECT 9999, token, 7, robot, kind, t, mono, sensor, fields FROM observations "
         "WHERE id = 5", "not those that were signed"),
        ("UPDATE tokens SET hash = prev WHERE seq = 5", "not that of its text"),
        ("UPDATE tokens SET text = replace(text, 'a', 'b') WHERE seq = 5", "not that of its text"),
        ("UPDATE tokens SET seq = 99 WHERE seq = 5", "names another place"),
        ("UPDATE tokens SET prev = hash WHERE seq = 5", "names another place"),
        ("UPDATE robot_keys SET public_key_pem = (SELECT public_key_pem FROM robot_keys WHERE robot <> '{id}') "
         "WHERE robot = '{id}'", "has another name"),
        ("UPDATE robot_keys SET public_key_pem = 'rubbish' WHERE robot = '{id}'", "not a PEM"),
        ("DELETE FROM robot_keys WHERE robot = '{id}'", "no key"),
    ],
)  # fmt: skip
def test_what_was_altered_behind_its_back_is_found(case: Case, statement: str, fault: str) -> None:
    case.tamper(statement.replace("{id}", case.id))
    found = case.found()
    assert not found.is_proven and fault in " ".join(found.faults)


def test_a_token_that_was_taken_out_is_a_hole_and_the_rest_stays_signed_and_in_order(case: Case) -> None:
    """Each word fails for its own reason: what is there is still proven."""
    case.tamper("DELETE FROM tokens WHERE seq = 7", "DELETE FROM observations WHERE token = 7")
    found = case.found()
    assert found.holes == 1 and found.links == 17 and found.faults == [] and not found.is_proven
    assert {name for name, word in found.words.items() if word.state == NOT_PROVEN} == {"completeness"}


def test_a_token_with_its_own_right_hash_but_forged_is_not_proven(case: Case) -> None:
    """Somebody signs with a key of his own, and puts it and its hash into the ledger."""
    forger = ScriptedRobot()
    forger.chain = case.robot.chain
    forger.ueid = case.robot.ueid
    text = forger.heartbeat()
    case.tamper(f"UPDATE tokens SET text = '{text}', hash = '{token_hash(text)}' WHERE seq = 5")
    assert "not proven (key)" in " ".join(case.found().faults)


def test_only_pinned_keys_are_believed(case: Case) -> None:
    assert case.found(case.robot.public_pem).is_proven
    other = case.found(ScriptedRobot().public_pem)
    assert not other.is_proven and other.signatures == 0


def test_faults_are_listed_up_to_a_bound(case: Case) -> None:
    case.tamper(
        *(
            f"INSERT INTO tokens SELECT {number}, robot, chain, {number}, hash, prev, bootseed, mono, iat, nonce_t, "
            "received_t, profile, swname, swversion, 'x' FROM tokens WHERE seq = 5"
            for number in range(1000, 1000 + MAX_FAULTS + 30)
        )
    )
    found = case.found()
    assert len(found.faults) == MAX_FAULTS and found.more == 30


@pytest.mark.of_the_file  # a server refuses what is not of a column's kind
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE observations SET fields = 'rubbish' WHERE id = 5",
        f"UPDATE observations SET fields = '{'[' * 5000}' WHERE id = 5",
        "UPDATE tokens SET text = x'00ff' WHERE seq = 5",
        "UPDATE tokens SET seq = 'many' WHERE seq = 5",
        "UPDATE tokens SET nonce_t = 'noon' WHERE seq = 5",
        "UPDATE robot_keys SET public_key_pem = 7",
        "UPDATE robots SET name = x'ff' WHERE id = '{id}'",
        "INSERT INTO erasures VALUES (1, 'age', '{id}', NULL, 1.0, 0, 'a', 'b', 1.0, 1.0, 1, 1, 1)",
        "INSERT INTO erased SELECT '{id}', chain, 99, 98, 1, '', '', 1.0, 1.0, 1.0, 1.0, 'short' FROM tokens LIMIT 1",
        "INSERT INTO erased SELECT '{id}', chain, 'x', 98, 1, '', '', 1.0, 1.0, 1.0, 1.0, 7 FROM tokens LIMIT 1",
        "INSERT INTO forks VALUES ('{id}', 'x', 1, 'x', 1.0, x'00', NULL)",
    ],
)
def test_a_hostile_ledger_is_not_proven_or_none_and_never_a_traceback(case: Case, statement: str) -> None:
    """Somebody hands a file on that no Wachhund has written."""
    case.tamper("PRAGMA foreign_keys = OFF", statement.replace("{id}", case.id))
    done = case.command(str(case.path))
    assert done.returncode in (0, 1, 2) and "Traceback" not in done.stderr
    assert done.returncode or "INSERT INTO erasures" in statement or "robots SET name" in statement


def test_what_was_erased_is_told_with_who_and_why_and_its_links_hold(tmp_path: Path) -> None:
    """The token after it names the last hash; what it was nobody can say any more."""
    bench = HostBench(tmp_path / "host")
    told = ThreeDays(bench, each=6)
    told.erase_span(T + DAY, T + DAY + 100)
    bench.close()

    def found() -> Proven:
        with reading_only(bench.data.ledger) as connection:
            return verify_ledger(connection, {})[0]

    whole = found()
    assert whole.is_proven and (whole.tokens, whole.erased, whole.links) == (12, 6, 11)
    assert [(act["by"], act["why"]) for act in whole.acts] == [("admin", "she asked for it")]
    with without_walls(bench.data.ledger) as connection:
        connection.exec_driver_sql(f"UPDATE erased SET hashes = substr(hashes, 1, 215) || '{'A' * 43}'")
    assert found().words["order"].state == NOT_PROVEN


def test_the_command_tells_people_and_programs_and_changes_nothing(case: Case) -> None:
    before = all_that_it_holds(case.path)
    good = case.command(str(case.path))
    assert good.returncode == 0 and "rex" in good.stdout and "21 of 21 tokens" in good.stdout
    assert "compare them" in good.stderr
    said = json.loads(case.command(str(case.path), "--json").stdout)
    assert said["proven"] is True and {one["name"] for one in said["robots"]} == {"rex", "bello"}
    assert all_that_it_holds(case.path) == before
    assert not list(case.path.parent.glob("ledger.sqlite-*")), "nothing is left beside it"
    case.tamper("UPDATE observations SET kind = 'x' WHERE id = 5")
    bad = case.command(str(case.path))
    assert bad.returncode == 1 and "NOT PROVEN" in bad.stdout


@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 1000, "other"])
def test_what_is_no_ledger_is_one_clear_line(case: Case, tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "none.sqlite"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE x (y)")
        other.close()
    with pytest.raises(LedgerError), reading_only(path):
        pass
    done = case.command(str(path))
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
