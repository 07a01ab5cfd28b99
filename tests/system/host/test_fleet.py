"""wachhund-fleet against a real `wachhund serve`: registered in bulk, attacked, cut off, and counted exactly."""

from contextlib import closing
from pathlib import Path

from tests.fleet import exactness, records, registering, running, scenes
from tests.fleet.plan import Plan
from tests.robots.living import Living
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger

SEED, ROBOTS = "test", 12


def test_robots_are_registered_as_the_command_does_it_and_only_once(tmp_path: Path) -> None:
    assert registering.register(tmp_path, SEED, 5) == 5
    assert registering.register(tmp_path, SEED, 8) == 3
    with closing(Ledger.open(DataFolder(tmp_path).ledger)) as ledger:
        rows = {row.name: row for row in ledger.robots()}
        assert sorted(rows) == [registering.name_of(SEED, number) for number in range(8)]
        for row in rows.values():
            assert row.state == "active"
            assert [key.kid for key in ledger.robot_keys(row.id)] == [row.kid]
            assert [(act.act, act.by) for act in ledger.robot_acts(row.id)] == [("add", "the host")]
    robots = registering.enlisted(tmp_path, SEED, 8)
    assert [robot.id for robot in robots] == [rows[registering.name_of(SEED, number)].id for number in range(8)]


def test_what_has_a_receipt_is_in_the_ledger_once_and_attacks_are_found_though_all_are_cut_off(tmp_path: Path) -> None:
    with Living(tmp_path, serves=False) as living:
        registering.register(living.data, SEED, ROBOTS)
        living.start_host()
        data = DataFolder(living.data)
        robots = registering.enlisted(living.data, SEED, ROBOTS)
        (known,) = scenes.judged_well(["cloudsail-idle"], 1)
        given = Plan(
            SEED, HostKeys.load_or_create(data).public_pem, [("127.0.0.1", living.broker)],
            [("measured", known.seconds + 4.0)], every_s=1.0, clocks={2: "1970", 3: "jumping"}, storms=[5.0],
            attacks=[scenes.Attack(3, 2.0, known.scene, known.first, known.whole)],
        )  # fmt: skip
        work = tmp_path / "work"
        work.mkdir()
        told = running.run(work, data.ledger, given, robots, processes=2, pids={"host": living.host_pid})

        assert told["exactness"]["exact"], told["exactness"]
        assert told["exactness"]["receipted"] == told["tokens"]["made"] > 5 * ROBOTS
        assert told["tokens"]["unanswered"] == 0
        assert told["tokens"]["odd_receipts"] == {}
        assert told["connections"]["lost"] == {"storm": ROBOTS}
        (outage,) = told["outages"]
        assert outage["lowest"] == 0
        assert 0.0 < outage["all_connected_s"] <= outage["all_green_s"]
        (attack,) = told["attacks"]
        assert (attack["word"], attack["found"], attack["clock"]) == ("ok", True, "jumping")
        assert told["incidents_of_others"] == {"silent": {}, "others": {}}
        assert told["processes"]["host"]["cpu_s"] > 0.0

        # What would be wrong is found: one token more that has a receipt, and one less that was sent.
        ids = {robot.number: robot.id for robot in robots}
        rows = [row for place in range(2) for row in records.read(work / f"tokens-{place}.bin")]
        with (work / "lies.bin").open("wb") as stream:
            for row in [*rows[1:], rows[0]._replace(hash="A" * 43)]:
                records.write(stream, row)
        lied = exactness.checked(data.ledger, [work / "lies.bin"], ids, 0)
        assert (lied["receipted_and_missing"], lied["never_sent"], lied["exact"]) == (1, 1, False)
