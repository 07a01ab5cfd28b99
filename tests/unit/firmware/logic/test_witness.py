"""The whole witness in simulated time: what it says, what it believes, and what it forgets."""

import json
import os

from witness import jws, statement
from witness.counters import STEP, Counters
from witness.framing import frame, unframe
from witness.lines import LEVEL, Edges, Line
from witness.witness import EVERY_MS, Clock, Witness

KEY = statement.key_from({"secret": "07" * 32, "ueid": "A" * 44, "nonce": "first-nonce"})
OTHER = statement.key_from({"secret": "08" * 32, "ueid": "A" * 44, "nonce": "first-nonce"})
FOLDER = "counters-of-a-test"


class Bench:
    """A witness with one line, `tamper`."""

    def __init__(self, fresh: bool = True) -> None:
        if FOLDER not in os.listdir():
            os.mkdir(FOLDER)
        if fresh:
            for name in os.listdir(FOLDER):
                os.remove(FOLDER + "/" + name)
        self.level = 0
        self.edges = Edges()
        self.counters = Counters(FOLDER, 2)
        line = Line("tamper", LEVEL, lambda: self.level, self.edges)
        self.witness = Witness(KEY, "c0ffee", "power", [line], self.counters, None)
        self.up_ms = 0

    def says(self) -> dict[str, object]:
        """The next statement's claims."""
        while True:
            self.up_ms += 100
            line = self.witness.turn(self.up_ms)
            if line is not None:
                token = unframe(line[:-1])
                assert token is not None
                payload = jws.open_token(token, KEY.statement_header, KEY.mac)
                assert payload is not None
                claims: dict[str, object] = json.loads(payload)
                return claims

    def open_case(self) -> None:
        self.level = 1 - self.level
        self.edges.on_edge(None)

    def confirm(self, claims: dict[str, object], key: statement.Key = KEY, **changed: object) -> None:
        said = {"ueid": KEY.ueid, "bootcount": claims["bootcount"], "n": claims["n"], "eat_nonce": "host-nonce-1"}
        said.update(changed)
        token = jws.sign(key.confirm_header, json.dumps(said).encode(), key.mac)
        self.witness.hear(frame(b"R " + token), self.up_ms)


def test_a_statement_says_who_when_and_what() -> None:
    claims = Bench().says()
    assert claims["ueid"] == KEY.ueid and claims["eat_nonce"] == "first-nonce"
    assert (claims["bootcount"], claims["n"]) == (1, 1)
    assert claims["events"] == [[1, 0, "start", "power"]] and claims["lost"] == 0


def test_statements_come_every_ten_seconds_and_soon_after_something_happened() -> None:
    bench = Bench()
    bench.says()
    first = bench.up_ms
    bench.says()
    assert bench.up_ms - first == EVERY_MS
    bench.open_case()
    bench.says()
    assert bench.up_ms - first == EVERY_MS + 1_000


def test_only_the_hosts_confirmation_empties_its_memory() -> None:
    bench = Bench()
    bench.open_case()
    claims = bench.says()
    forgeries: list[dict[str, object]] = [
        {"key": OTHER},
        {"bootcount": 2},
        {"n": 99},
        {"n": "1"},
        {"n": None},
        {"ueid": "B" * 44},
        {"eat_nonce": "short"},
        {"eat_nonce": 12345678},
    ]
    for forgery in forgeries:
        bench.confirm(claims, **forgery)  # type: ignore[arg-type]
    for said in (b"C 4294967295", b"R ", b"R x.y.z", b"X", b"B " + b"h" * 43):
        bench.witness.hear(frame(said), bench.up_ms)
    after = bench.says()
    assert len(after["events"]) == len(claims["events"])  # type: ignore[arg-type]
    assert after["eat_nonce"] == "first-nonce"
    assert after["ignored"] == {"lines": 0, "words": 2, "confirms": len(forgeries) + 2}
    bench.confirm(after)
    assert bench.says()["events"] == []


def test_its_own_statement_sent_back_is_no_confirmation() -> None:
    bench = Bench()
    bench.up_ms += 100
    line = bench.witness.turn(bench.up_ms)
    assert line is not None
    bench.witness.hear(frame(b"R " + line[:-10]), bench.up_ms)
    assert len(bench.says()["events"]) == 1  # type: ignore[arg-type]


def test_a_confirmation_brings_the_hosts_nonce() -> None:
    bench = Bench()
    bench.confirm(bench.says())
    assert bench.says()["eat_nonce"] == "host-nonce-1"


def test_more_events_than_a_line_holds_are_told_one_confirmation_after_the_other() -> None:
    bench = Bench()
    for _ in range(60):
        bench.open_case()
        bench.up_ms += 100
        bench.witness.turn(bench.up_ms)
    told: list[object] = []
    for _ in range(20):
        claims = bench.says()
        for event in claims["events"]:  # type: ignore[attr-defined]
            if event[0] not in told:
                told.append(event[0])
        bench.confirm(claims)
    assert told == list(range(1, 62))


def test_after_a_reset_it_counts_on() -> None:
    bench = Bench()
    for _ in range(10):
        bench.open_case()
        before = bench.says()
    after = Bench(fresh=False).says()
    assert after["bootcount"] == 2
    counts = [said["lines"]["tamper"][1] for said in (before, after)]  # type: ignore[index]
    assert counts[0] == 10 and 10 <= counts[1] <= 10 + STEP


def test_a_line_that_never_rests_does_not_wear_the_flash() -> None:
    bench = Bench()
    written = 0
    keep = bench.counters._keep

    def counted() -> bool:
        nonlocal written
        written += 1
        return keep()

    bench.counters._keep = counted  # type: ignore[method-assign]
    for second in range(3_600):
        bench.counters.add(0, 1_000, second * 1_000)
    assert written < 120


def test_the_clock_goes_on_when_ticks_begin_anew() -> None:
    clock = Clock((1 << 30) - 500)
    assert clock.turn(500) == 1_000
    assert clock.turn(400 + 500) == 1_400
