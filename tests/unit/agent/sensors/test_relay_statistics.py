"""Readings in, verdicts out: the rule of relay.md on made-up counters, where every byte and moment is known."""

import random
from typing import Callable, Iterator, List, Tuple

from wachhund_agent.sensors.relay_sizes import SizeEvidence
from wachhund_agent.sensors.relay_statistics import (
    NOT_A_RELAY,
    ONE_WAY_OUT,
    RELAY,
    UNDECIDED,
    PairEvidence,
    Reading,
)
from wachhund_agent.sensors.relay_timing import binomial_bits
from wachhund_agent.sensors.relay_volume import spearman, volume_bits

Event = Tuple[float, int, int]  # when, which of the four counters, how many bytes
OUTER_IN, INNER_OUT, INNER_IN, OUTER_OUT = range(4)
EVERY_S = 0.1


def feed(events: List[Event], seconds: float, until: Callable[[str], bool] = lambda verdict: False) -> PairEvidence:
    """Read counters that these events move, ten times a second, until a verdict pleases or the time is over."""
    never = -1000.0
    totals, lasts = [0, 0, 0, 0], [never] * 4
    evidence = PairEvidence(Reading(0.0, 0, 0, 0, 0, never, never, never, never))
    waiting = sorted(events)
    for step in range(1, int(seconds / EVERY_S)):
        now = step * EVERY_S
        while waiting and waiting[0][0] <= now:
            at, which, size = waiting.pop(0)
            totals[which] += size
            lasts[which] = at
        if until(evidence.add(Reading(now, *(totals + lasts)))):  # type: ignore[arg-type]
            break
    return evidence


def passed_on(
    rng: random.Random, seconds: float, delay: float = 0.001, overhead: int = 0, pause: float = 0.8
) -> Iterator[Event]:
    """Asks that come from outside, go in after `delay`, are answered, and whose answers go out."""
    at = 0.5
    while at < seconds:
        asked, answered = rng.randint(30, 900), rng.randint(30, 4000)
        yield (at, OUTER_IN, asked + overhead)
        yield (at + delay, INNER_OUT, asked)
        yield (at + delay + 0.002, INNER_IN, answered)
        yield (at + 2 * delay + 0.002, OUTER_OUT, answered + overhead)
        at += rng.expovariate(1 / pause) + 0.05 + 2 * delay


def test_a_session_passed_on_byte_for_byte_is_a_relay_within_seconds() -> None:
    """Equal sizes that nobody could foresee are the strongest sign there is."""
    evidence = feed(list(passed_on(random.Random(1), 30)), 6, until=lambda verdict: verdict == RELAY)
    assert evidence.verdict == RELAY
    assert evidence.numbers()["bits_in"] >= 10


def test_a_constant_overhead_does_not_hide_a_relay() -> None:
    """TLS adds the same bytes to each record: the difference is learned."""
    assert feed(list(passed_on(random.Random(2), 40, overhead=29)), 40).verdict == RELAY


def test_a_delay_of_half_a_second_does_not_hide_a_relay() -> None:
    assert feed(list(passed_on(random.Random(3), 60, delay=0.45, pause=2.5)), 60).verdict == RELAY


def test_a_relay_stays_one_when_it_falls_silent() -> None:
    """Somebody who came in does not leave by doing nothing."""
    assert feed(list(passed_on(random.Random(4), 20)), 120).verdict == RELAY


def test_flows_that_never_move_are_undecided() -> None:
    evidence = feed([], 60)
    assert evidence.verdict == UNDECIDED
    assert evidence.numbers()["windows"] == []


def test_telemetry_is_one_way_out() -> None:
    """It reads a service, reports outwards and gets a short reply: nobody outside says what it does."""
    rng, events, at = random.Random(5), [], 0.5
    while at < 40:
        for _ in range(rng.randint(1, 3)):
            size = rng.randint(200, 3000)
            events += [(at, INNER_OUT, 80), (at + 0.002, INNER_IN, size)]
            events += [(at + 0.004, OUTER_OUT, size + 150), (at + 0.05, OUTER_IN, 90)]
            at += 0.06
        at += rng.uniform(0.2, 2.0)
    assert feed(events, 40).verdict == ONE_WAY_OUT


def test_a_loop_of_upload_and_reply_is_no_relay_although_all_its_rates_agree() -> None:
    """A camera uploader without pause: each count only says how often it went round."""
    rng, events, at = random.Random(6), [], 0.5
    while at < 40:
        size = rng.randint(8000, 30000)
        events += [(at, INNER_OUT, 60), (at + 0.001, INNER_IN, size), (at + 0.002, OUTER_OUT, size + 100)]
        at += 0.003 + rng.uniform(0.001, 0.03) * (1 + (int(at) % 5))
        events.append((at, OUTER_IN, 90))
    assert feed(events, 40).verdict in (ONE_WAY_OUT, UNDECIDED)


def test_local_chatter_beside_a_busy_connection_is_not_a_relay() -> None:
    rng, events = random.Random(7), []
    for which_asks, which_answers, rate in ((INNER_OUT, INNER_IN, 1.0), (OUTER_OUT, OUTER_IN, 0.3)):
        at = 0.5
        while at < 60:
            events += [(at, which_asks, rng.randint(40, 300)), (at + 0.03, which_answers, rng.randint(40, 300))]
            at += rng.expovariate(rate)
    assert feed(events, 60).verdict == NOT_A_RELAY


def test_keys_hidden_in_constant_cells_are_undecided() -> None:
    """By design: constant traffic outside says nothing of what is in it, and we do not pretend that it does."""
    rng, events, at = random.Random(8), [], 0.5
    for step in range(1, 800):
        events += [(0.05 * step, OUTER_IN, 512), (0.05 * step + 0.001, OUTER_OUT, 512)]
    while at < 40:
        events += [(at, INNER_OUT, 36), (at + 0.002, INNER_IN, 36)]
        at = 0.05 * (int(at / 0.05) + rng.randint(2, 20)) + 0.001
    assert feed(events, 40).verdict == UNDECIDED


def test_unrelated_flows_are_almost_never_taken_for_a_relay() -> None:
    """Twenty bits are one in a million by theory; 100 pairs of bursty strangers must give none."""
    wrong = 0
    for seed in range(100):
        rng = random.Random(seed)
        outer = [event for event in passed_on(rng, 20, pause=rng.choice([0.2, 1.0])) if event[1] in (0, 3)]
        inner = [event for event in passed_on(rng, 20, pause=rng.choice([0.2, 1.0])) if event[1] in (1, 2)]
        wrong += feed(outer + inner, 20).verdict == RELAY
    assert wrong == 0


def test_the_same_size_again_and_again_earns_no_bits() -> None:
    """Two programs with messages of 100 bytes each are no relay for it."""
    sizes = SizeEvidence()
    for _ in range(500):
        sizes.add(100, 100)
    assert sizes.bits < 20


def test_two_strangers_with_messages_of_the_same_size_are_no_relay() -> None:
    """Both send n times 36 bytes: seen once in 100 drawn harmless programs, and taken for a relay then."""
    rng, events = random.Random(11), []
    for which, other, rate in ((OUTER_IN, OUTER_OUT, 5.0), (INNER_OUT, INNER_IN, 4.0)):
        at = 0.5
        while at < 30:
            events += [(at, which, 36), (at + 0.01, other, rng.randint(20, 900))]
            at += rng.expovariate(rate)
    assert feed(events, 30).verdict != RELAY


def test_equal_sizes_that_vary_earn_bits_fast_and_different_ones_cost_little() -> None:
    equal, different, rng = SizeEvidence(), SizeEvidence(), random.Random(9)
    for _ in range(4):
        size = rng.randint(100, 5000)
        equal.add(size, size)
    for _ in range(200):
        different.add(rng.randint(100, 5000), rng.randint(100, 5000))
    assert equal.bits > 20
    assert -15 < different.bits < 5


def test_windows_are_bounded() -> None:
    """A pair that is watched for hours keeps a minute."""
    assert len(feed(list(passed_on(random.Random(1), 200)), 200).numbers()["windows"]) == 60


def test_spearman_knows_order_reverse_and_constants() -> None:
    assert spearman([1, 2, 3, 4], [10, 20, 30, 400]) == 1.0
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == -1.0
    assert spearman([1, 2, 3, 4], [7, 7, 7, 7]) == 0.0


def test_a_slow_trend_in_both_flows_is_no_agreement() -> None:
    """Both grow: they agree at every lag, so the agreement at lag 0 means nothing."""
    left = [float(index) for index in range(40)]
    right = [float(3 * index + 5) for index in range(40)]
    assert volume_bits(left, right) < 5


def test_rates_that_vary_together_agree() -> None:
    rng = random.Random(10)
    left = [float(rng.randint(0, 50000)) for _ in range(30)]
    assert volume_bits(left, [value * 1.03 for value in left]) > 10


def test_binomial_bits_are_none_at_chance_and_grow_with_trials() -> None:
    assert binomial_bits(2, 20, 0.1) == 0.0
    assert binomial_bits(10, 10, 0.1) > binomial_bits(5, 5, 0.1) > 5
