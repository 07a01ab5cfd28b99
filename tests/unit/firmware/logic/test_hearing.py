"""How long the agent was silent, told until the host has it."""

from witness.hearing import Hearing

HEAD = b"h" * 43


def test_a_silence_is_told_by_the_beat_that_ends_it() -> None:
    hearing = Hearing()
    hearing.beat(HEAD, 1_000)
    assert hearing.beat(HEAD, 44_000) == 43_000
    assert hearing.head == "h" * 43 and hearing.beats == 2


def test_the_longest_silence_stays_until_the_host_has_it() -> None:
    hearing = Hearing()
    hearing.beat(HEAD, 0)
    hearing.beat(HEAD, 43_000)
    hearing.beat(HEAD, 48_000)
    assert hearing.longest_ms(49_000) == 43_000
    hearing.told()
    assert hearing.longest_ms(50_000) == 43_000
    hearing.told()
    hearing.confirmed(newest=True)
    hearing.beat(HEAD, 51_000)
    assert hearing.longest_ms(52_000) == 3_000


def test_a_silence_after_the_confirmed_statement_is_not_forgotten_with_it() -> None:
    hearing = Hearing()
    hearing.beat(HEAD, 0)
    hearing.longest_ms(1_000)
    hearing.told()
    hearing.beat(HEAD, 30_000)
    hearing.confirmed(newest=True)
    assert hearing.longest_ms(31_000) == 30_000


def test_a_silence_that_lasts_counts_before_it_ends() -> None:
    assert Hearing().longest_ms(90_000) == 90_000


def test_a_beat_that_names_no_token_is_none() -> None:
    hearing = Hearing()
    for head in (b"", b"h" * 42, b"h" * 44, b"h" * 42 + b"=", b"h" * 42 + b"\x00", b"h" * 42 + b"+"):
        assert hearing.beat(head, 5) is None
    assert hearing.beats == 0
