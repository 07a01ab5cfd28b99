"""Who comes in, how often one may try, and what a thief of the ledger finds."""

from pathlib import Path

import pyotp
import pytest

from tests.robots.ledger_place import all_that_it_holds
from tests.unit.host.web.stage import door_of
from wachhund.ledger import Ledger
from wachhund.ledger.ways_in import SecondFactor
from wachhund.people.second_factor import new_secret, recovery_hash
from wachhund.web.attempts import (
    ATTEMPTS_PER_ADDRESS,
    ATTEMPTS_TOGETHER,
    WINDOW_S,
    Attempts,
    TooManyAttempts,
    neighbourhood,
)
from wachhund.web.door import LOGIN_S, WRONG_CODES, CameFrom, Door

HERE = CameFrom("127.0.0.1", "a test")


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.t = 1_700_000_000.0

    def __call__(self) -> float:
        return self.t


def test_the_first_start_makes_one_administrator_with_a_password_nobody_chose(door: Door) -> None:
    """Default passwords are how robots are lost; there is none here."""
    first = door.first_keys()
    assert first is not None and first.operator == "admin" and len(first.password) >= 20
    assert door.first_keys() is None
    assert door.by_password("admin", first.password, HERE) is not None


def test_a_wrong_password_and_an_unknown_name_get_nothing(door: Door) -> None:
    """Neither says which of the two was wrong."""
    first = door.first_keys()
    assert first is not None
    assert door.by_password("admin", first.password + "x", HERE) is None
    assert door.by_password("nobody", first.password, HERE) is None


def test_a_one_time_code_works_once(door: Door) -> None:
    """The link stands in a terminal's history: it must be worth nothing there."""
    first = door.first_keys()
    assert first is not None
    assert door.by_code("wrong", HERE) is None
    assert door.by_code(first.code, HERE) is not None
    assert door.by_code(first.code, HERE) is None


def test_a_one_time_code_ends_after_an_hour(ledger: Ledger) -> None:
    """A link that nobody used is not a key for ever."""
    clock = Clock()
    door = door_of(ledger, clock)
    first = door.first_keys()
    assert first is not None
    code = first.code
    clock.t += 3601
    assert door.by_code(code, HERE) is None


def test_a_login_ends_by_itself_and_by_leaving(ledger: Ledger) -> None:
    """Both ends are checked at the ledger: a copied cookie dies with its login."""
    import time

    clock = Clock()
    clock.t = time.time()
    door = door_of(ledger, clock)
    first = door.first_keys()
    assert first is not None
    token = door.by_code(first.code, HERE)
    assert door.who(token) == "admin" and door.who("other") is None and door.who(None) is None
    clock.t += LOGIN_S + 1
    assert door.who(token) is None
    clock.t -= LOGIN_S
    door.leave(token)
    assert door.who(token) is None


def test_guessing_is_slowed_for_an_address_and_waiting_always_helps() -> None:
    """A guesser must not lock the owner out for good."""
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(ATTEMPTS_PER_ADDRESS):
        attempts.note("192.0.2.1")
    with pytest.raises(TooManyAttempts) as refused:
        attempts.note("192.0.2.1")
    assert 0 < refused.value.wait_s <= WINDOW_S + 1
    attempts.note("192.0.2.2")
    clock.t += WINDOW_S + 1
    attempts.note("192.0.2.1")


def test_guessing_from_many_addresses_is_slowed_too() -> None:
    """An IPv6 network has addresses without end."""
    attempts = Attempts(Clock())
    with pytest.raises(TooManyAttempts):
        for number in range(1000):
            attempts.note(f"2001:db8::{number:x}")


def test_the_ledger_holds_nothing_that_one_could_log_in_with(ledger: Ledger, door: Door, tmp_path: Path) -> None:
    """Backups of it travel."""
    first = door.first_keys()
    assert first is not None
    token = door.by_code(first.code, HERE)
    assert token is not None
    ledger.close()
    dump = all_that_it_holds(tmp_path / "ledger.sqlite")
    assert "$argon2id$" in dump
    assert not any(secret in dump for secret in (first.password, first.code, token))


def test_strangers_at_many_addresses_do_not_lock_out_who_came_in_from_an_address_before(ledger: Ledger) -> None:
    """Whoever wants the operators blind tries passwords until nobody may."""
    door = door_of(ledger)
    first = door.first_keys()
    assert first is not None
    home = CameFrom("198.51.100.7")
    assert door.by_password("admin", first.password, home) is not None
    for number in range(ATTEMPTS_TOGETHER - 1):
        door.attempts.note(f"203.0.113.{number}")
    with pytest.raises(TooManyAttempts):
        door.by_password("admin", "guess", CameFrom("203.0.113.200"))
    assert door.by_password("admin", first.password, home) is not None


def test_a_household_of_ipv6_addresses_counts_as_one() -> None:
    assert neighbourhood("2001:db8:1:2::5") == neighbourhood("2001:db8:1:2:ffff::1%eth0")
    assert neighbourhood("2001:db8:1:2::5") != neighbourhood("2001:db8:1:3::5")
    assert neighbourhood("192.0.2.1") == "192.0.2.1" and neighbourhood("testclient") == "testclient"


def test_guessed_codes_of_a_second_factor_run_out_and_recovery_codes_still_work(ledger: Ledger) -> None:
    """A million codes are few for whoever has the password."""
    clock = Clock()
    door = door_of(ledger, clock)
    first = door.first_keys()
    assert first is not None
    secret = new_secret()
    ledger.ways_in.save_factor(
        "admin", SecondFactor(secret, clock.t, 0), [recovery_hash("abcde-fghjk")], by="admin", t=clock.t
    )
    right = pyotp.TOTP(secret).at(clock.t)
    wrong = "000000" if right != "000000" else "000001"
    for number in range(WRONG_CODES):
        assert door.by_password("admin", first.password, CameFrom(f"192.0.2.{number}"), wrong) is None
    with pytest.raises(TooManyAttempts):
        door.by_password("admin", first.password, CameFrom("192.0.2.50"), right)
    assert door.by_password("admin", first.password, CameFrom("192.0.2.51"), "ABCDE-fghjk ") is not None
