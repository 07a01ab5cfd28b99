"""Root on the robot against the witness: each attack is noticed or harmless. docs/witness.md has the table."""

import random

import pytest

from tests.robots.witness_bench import WitnessBench
from wachhund_evidence import base64url, frame, sign_confirm


def test_dropped_statements_are_missed(bench: WitnessBench) -> None:
    bench.live(60)
    bench.carries = False
    bench.live(200)
    assert bench.found() == ["witness-missing"]


def test_delayed_statements_are_stale(bench: WitnessBench) -> None:
    """Each arrives five minutes late, in order, in fresh evidence."""
    bench.live(120)
    bench.carries = False
    begin = len(bench.statements)
    bench.live(300)
    for statement in bench.statements[begin : begin + 20]:
        bench.live(10)
        bench.send(statement)
    assert "witness-stale" in bench.found()


def test_an_old_statement_played_again_is_told(bench: WitnessBench) -> None:
    bench.live(60)
    old = bench.statements[0]
    bench.live(60)
    bench.send(old)
    assert bench.found() == ["witness-back"]


def test_the_newest_statement_played_again_says_nothing_new(bench: WitnessBench) -> None:
    bench.live(61)
    before = bench.stand
    for _ in range(5):
        bench.now += 1.0
        bench.send(bench.statements[-1])
    assert bench.found() == []
    assert bench.stand.statements <= before.statements + 1


def test_statements_in_another_order_are_told(bench: WitnessBench) -> None:
    bench.live(30)
    bench.carries = False
    bench.live(40)
    for statement in reversed(bench.statements[-3:]):
        bench.now += 1.0
        bench.send(statement)
    assert bench.found() == ["witness-back"]


@pytest.mark.parametrize("how", ["cut", "turned", "payload", "signature", "other key"])
def test_cut_turned_and_invented_statements_are_refused_and_counted(bench: WitnessBench, how: str) -> None:
    bench.live(60)
    before = bench.stand
    header, payload, signature = bench.statements[-1].split(".")
    claims = base64url.decode(payload).replace(b'"pi-power":[1', b'"pi-power":[0')
    forged = {
        "cut": f"{header}.{payload[:-8]}.{signature}",
        "turned": f"{header}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
        "payload": f"{header}.{base64url.encode(claims)}.{signature}",
        "signature": f"{header}.{payload}.{'A' * 43}",
        "other key": sign_confirm(b"k" * 32, bench.witness.ueid, 1, 99, "n" * 32),
    }
    bench.now += 1.0
    bench.send(forged[how])
    assert bench.stand == before
    assert bench.found() == []
    assert any(reason.startswith("witness-") for _, reason in bench.refused())


def test_beats_that_root_makes_up_name_tokens_that_never_come(bench: WitnessBench) -> None:
    """He stops the agent's beats, and beats himself with a hash of his own."""
    bench.live(60)
    bench.agent_is_heard = False
    for _ in range(140):
        bench.to_board += frame("B " + "x" * 43)
        bench.live(5)
    assert bench.found() == ["witness-contradicts"]
    assert "never arrived" in bench.told()


def test_forged_and_replayed_confirmations_empty_nothing(bench: WitnessBench) -> None:
    """What the witness saw stays until the host itself says that it has it."""
    bench.live(120)
    bench.relays = False
    bench.board.set("tamper", 1)
    old = bench.confirms[0]
    forged = sign_confirm(b"k" * 32, bench.witness.ueid, 1, 10**6, "n" * 32)
    for said in ("R " + old, "R " + forged, "C 4294967295", "R " + bench.statements[-1], "R a.b.c"):
        bench.to_board += frame(said)
    bench.live(60)
    payload = base64url.decode(bench.statements[-1].split(".")[1]).decode()
    assert '"tamper"' in payload.partition('"events":')[2]
    assert '"waiting":0' not in payload
    assert "witness-tamper" in bench.found()


def test_confirmations_that_are_kept_back_lose_no_event_but_by_number(bench: WitnessBench) -> None:
    bench.relays = False
    for turn in range(100):
        bench.board.set("tamper", turn % 2)
        bench.live(2)
    payload = base64url.decode(bench.statements[-1].split(".")[1]).decode()
    assert '"waiting":64' in payload and '"lost":0' not in payload


def test_a_flood_on_the_line_is_missed_as_a_silence(bench: WitnessBench) -> None:
    """It drowns the agent's beats, and the agent's evidence says that it was well; nothing else changes."""
    chance = random.Random(7)
    for _ in range(60):
        bench.to_board += chance.randbytes(20_000) + b"\n" + b"x" * 5_000
        bench.live(1)
    bench.live(30)
    assert bench.found() == ["witness-contradicts"]
    assert bench.stand.beats > 0


def test_a_thousand_resets_are_told_and_nothing_goes_back(bench: WitnessBench) -> None:
    bench.live(30)
    starts = bench.stand.bootcount
    for _ in range(1_000):
        bench.board.start(bench.now)
    bench.live(30)
    assert bench.stand.bootcount == starts + 1_000
    assert bench.found() == ["witness-restarts"]
