"""People, their roles and logins in the ledger: each change is logged, and somebody can always change people."""

import time
from pathlib import Path

import pytest

from tests.robots.ledger_place import ready
from wachhund.ledger import Ledger, WebLogin
from wachhund.ledger.acts import Search
from wachhund.ledger.people import People
from wachhund_evidence import MisuseError

T = time.time()
BY = {"by": "anna", "why": "a test", "t": T}


@pytest.fixture
def people(tmp_path: Path) -> People:
    ledger = Ledger.open(ready(tmp_path / "ledger.sqlite"))
    ledger.people.make("anna", "hash-1", {"all": "admin"}, **BY)
    return ledger.people


def test_a_login_ends_when_it_is_told_to_and_is_forgotten_when_its_time_is_over(people: People) -> None:
    people.save_login(WebLogin("old" * 10, "anna", 2.0, 1.0))
    people.save_login(WebLogin("new" * 10, "anna", T + 9, T, "password", "192.0.2.1", "Firefox"))
    assert people.login("old" * 10) is None
    found = people.login("new" * 10)
    assert found is not None and found[0].program == "Firefox" and found[1].grants == {"all": "admin"}
    assert [login.address for login in people.logins("anna", T)] == ["192.0.2.1"]
    assert not people.end_login("eve", found[0].id, by="eve", t=T)
    assert people.end_login("anna", found[0].id, by="anna", t=T)
    assert people.login("new" * 10) is None and people.person("eve") is None


def test_the_last_admin_stays_one(people: People) -> None:
    """A host where nobody may change people is lost to its owners."""
    people.make("bert", "", {"all": "operator"}, **BY)
    for refused in (
        lambda: people.disable("anna", **BY),
        lambda: people.change_roles("anna", {"all": "operator"}, **BY),
        lambda: people.change_roles("anna", {}, **BY),
    ):
        with pytest.raises(MisuseError, match="the last admin"):
            refused()
    person = people.person("anna")
    assert person is not None and person.grants == {"all": "admin"} and person.disabled_t is None
    people.change_roles("bert", {"all": "admin"}, **BY)
    people.disable("anna", **BY)
    with pytest.raises(MisuseError, match="the last admin"):
        people.disable("bert", **BY)


def test_an_admin_of_one_group_does_not_count_as_the_last_one(people: People) -> None:
    people.save_group("lab", ["go1-*"], **BY)
    people.make("bert", "", {"lab": "admin"}, **BY)
    with pytest.raises(MisuseError, match="the last admin"):
        people.disable("anna", **BY)


def test_whoever_is_disabled_is_out_at_once_and_comes_back_with_the_same_roles(people: People) -> None:
    people.make("bert", "hash", {"all": "viewer"}, **BY)
    people.save_login(WebLogin("b" * 64, "bert", T + 9, T))
    people.disable("bert", **BY)
    assert people.login("b" * 64) is None
    with pytest.raises(MisuseError, match="disabled"):
        people.save_login(WebLogin("c" * 64, "bert", T + 9, T))
    people.enable("bert", **BY)
    person = people.person("bert")
    assert person is not None and person.grants == {"all": "viewer"}


def test_a_new_password_ends_every_login_but_the_one_that_changed_it(people: People) -> None:
    """Whoever else is in may be the reason for the new password."""
    for token in ("a" * 64, "b" * 64):
        people.save_login(WebLogin(token, "anna", T + 9, T))
    people.set_password("anna", "hash-2", keep="b" * 64, **BY)
    assert people.login("a" * 64) is None and people.login("b" * 64) is not None


def test_a_group_in_use_stays_and_all_is_no_group_of_ours(people: People) -> None:
    people.save_group("lab", ["go1-*", "b2"], **BY)
    people.make("bert", "", {"lab": "operator"}, **BY)
    for refused in (
        lambda: people.remove_group("lab", **BY),
        lambda: people.save_group("all", ["x"], **BY),
        lambda: people.make("carl", "", {"attic": "viewer"}, **BY),
        lambda: people.make("bert", "", {}, **BY),
    ):
        with pytest.raises(MisuseError):
            refused()
    assert people.groups() == {"lab": ("go1-*", "b2")} and people.person("carl") is None
    people.change_roles("bert", {}, **BY)
    people.remove_group("lab", **BY)
    assert people.groups() == {}


def test_each_change_of_people_is_in_the_log_with_who_and_why(tmp_path: Path) -> None:
    ledger = Ledger.open(ready(tmp_path / "other.sqlite"))
    ledger.people.make("anna", "secret-hash", {"all": "admin"}, **BY)
    ledger.people.save_group("lab", ["go1-*"], **BY)
    ledger.people.change_roles("anna", {"all": "admin", "lab": "operator"}, **BY)
    ledger.people.set_password("anna", "secret-hash-2", **BY)
    with pytest.raises(MisuseError):
        ledger.people.disable("anna", **BY)
    count, found = ledger.log.find(Search(), 100)
    assert [act.act for act in found] == ["person password", "person role", "group save", "person add"]
    assert count == 4 and all((act.who, act.why) == ("anna", "a test") for act in found)
    assert found[1].detail == {"before": {"all": "admin"}, "after": {"all": "admin", "lab": "operator"}}
    assert "secret" not in repr(found)
