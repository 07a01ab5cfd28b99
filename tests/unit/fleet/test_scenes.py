"""What the fleet tells, and what it makes of what came back."""

from pathlib import Path
from typing import Any

from tests.fleet import figures, plan, records, scenes
from tests.fleet.plan import Plan, Robot


def test_an_attack_is_known_by_an_observation_of_its_recording() -> None:
    (known,) = scenes.judged_well(["cloudsail-idle"], 1)
    assert 0 < known.first <= known.whole < len(scenes.told("cloudsail-idle"))
    assert 5.0 < known.seconds < 60.0


def test_a_scene_is_told_in_tokens_of_half_a_second_and_nothing_of_it_is_left_out() -> None:
    observations = scenes.told("cloudsail-idle")
    parts = scenes.parts(observations, 0.5)
    assert [place for _, places in parts for place in places] == list(range(len(observations)))
    assert [due for due, _ in parts] == sorted(due for due, _ in parts)
    assert all(len(places) for _, places in parts)


def test_the_seed_says_who_attacks_and_whose_clock_is_wrong() -> None:
    clocks = plan.drawn_clocks("7", 100, 20)
    attacks = plan.drawn_attacks("7", 100, 4, 120.0, clocks)
    assert attacks == plan.drawn_attacks("7", 100, 4, 120.0, clocks)
    assert len({one.number for one in attacks}) == len({one.scene for one in attacks}) == 4
    assert any(one.number in clocks for one in attacks)
    assert all(0.0 < one.at_s < 120.0 for one in attacks)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    given = Plan("1", "PEM", [("127.0.0.1", 1883)], [("measured", 60.0)], clocks={3: "1970"},
                 attacks=[scenes.Attack(5, 20.0, "stock", 1, 2)])  # fmt: skip
    given.write(tmp_path / "plan.json")
    read = plan.read(tmp_path / "plan.json")
    assert (read.attacks, read.clocks, read.brokers) == (given.attacks, given.clocks, given.brokers)
    robots = [Robot(0, "abcdefghij", "client", "word", "nonce")]
    plan.write_robots(tmp_path / "robots.jsonl", robots)
    assert plan.read_robots(tmp_path / "robots.jsonl") == robots


def test_tokens_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [records.TokenRow(n, n + 1, 1, 0, 1.5, 2.5, 0.0, "c" * 22, "h" * 43) for n in range(10_000)]
    with (tmp_path / "tokens.bin").open("wb") as stream:
        for row in rows:
            records.write(stream, row)
    assert list(records.read(tmp_path / "tokens.bin")) == rows


def test_an_outage_that_two_processes_saw_ends_with_the_later_of_them() -> None:
    told: list[dict[str, Any]] = [
        {"began_t": 10.0, "lowest": 0, "all_connected_s": 2.0, "all_green_s": 9.0},
        {"began_t": 10.5, "lowest": 3, "all_connected_s": 4.0, "all_green_s": 7.0},
        {"began_t": 60.0, "lowest": 1, "all_connected_s": 1.0, "all_green_s": None},
    ]
    merged = figures.merged(told)
    assert merged[0] == {"began_t": 10.0, "lowest": 3, "all_connected_s": 4.5, "all_green_s": 9.0}
    assert merged[1]["all_green_s"] is None


def test_of_a_hundred_the_p99_is_the_last_but_one() -> None:
    told = figures.spread(float(value) for value in range(1, 101))
    assert told == {"count": 100, "median": 50.0, "p99": 99.0, "max": 100.0}
