"""Whether an authorisation covers a session: what it names has to be so, and what is not known never is."""

from dataclasses import replace

import pytest

from wachhund.judge.authorisations import Policy, Visit, mismatch, parsed_address, parsed_network, refusal
from wachhund.ledger import Authorisation, AuthorisationAct

ONE = Authorisation(
    "a1", "anna", ("go1",), ("ssh",), ("203.0.113.7/32",), "internet", 100.0, 200.0, "repair", "root", 90.0
)  # fmt: skip
VISIT = Visit("go1", "ssh", "203.0.113.7", frozenset({"internet"}), 150.0)


def act(one: Authorisation, number: int = 1, kind: str = "made", t: float | None = None) -> AuthorisationAct:
    """Something done to it."""
    return AuthorisationAct(number, kind, one.made_t if t is None else t, "root", "", 0, 0, one)


def test_what_it_names_in_all_five_is_covered_from_its_first_to_its_last_moment() -> None:
    """An operator reads the two times and takes them for included."""
    for t in (100.0, 150.0, 200.0):
        assert refusal(ONE, replace(VISIT, t=t)) is None


@pytest.mark.parametrize(
    ("visit", "words"),
    [
        (replace(VISIT, t=99.9), "begins only at"),
        (replace(VISIT, t=200.1), "ended at"),
        (replace(VISIT, robot="go2"), "for other robots"),
        (replace(VISIT, robot=None), "for other robots"),
        (replace(VISIT, surface="web"), "it is for ssh, not for web"),
        (replace(VISIT, carriers=frozenset({"relay"})), "comes by internet, and this comes by relay"),
        (replace(VISIT, address="203.0.113.8"), "not from 203.0.113.8"),
        (replace(VISIT, address=None), "the origin is not known"),
        (replace(VISIT, address="203.0.113.7, 203.0.113.7/0"), "the origin is not known"),
        (replace(VISIT, address="fe80::1%203.0.113.7"), "the origin is not known"),
    ],
)
def test_each_thing_that_differs_is_a_reason_in_words(visit: Visit, words: str) -> None:
    """`explain` prints it; and an origin that is not an address is no origin at all."""
    assert words in str(refusal(ONE, visit))


def test_a_withdrawn_one_says_who_withdrew_it() -> None:
    gone = replace(ONE, until_t=120.0, ended_by="bert", ended_why="over")
    assert "withdrawn by bert" in str(refusal(gone, VISIT))


@pytest.mark.parametrize("surface", ["ssh", None])
def test_any_carrier_means_no_relay_and_no_tunnel(surface: str | None) -> None:
    """The outer end of a relay is what a program on the robot dialled: a thief dials whom he wants."""
    everything = replace(ONE, robots=None, surfaces=None, sources=None, carrier=None)
    through = Visit("go1", surface, "203.0.113.7", frozenset({"relay", "cloudsail"}), 150.0)
    assert "names no carrier" in str(refusal(everything, through))
    assert refusal(replace(everything, carrier="CloudSail"), through) is None
    assert refusal(replace(everything, carrier="relay"), through) is None
    assert refusal(everything, VISIT) is None


def test_a_way_in_that_is_only_there_needs_its_carrier_named_whatever_the_surfaces() -> None:
    """A tunnel that idles gives nobody a surface yet."""
    way = Visit("go1", None, "203.0.113.7", frozenset({"relay", "cloudsail"}), 150.0)
    named = replace(ONE, carrier="CloudSail")
    assert refusal(named, way) is None
    assert refusal(replace(named, surfaces=()), way) is None
    assert refusal(replace(named, surfaces=()), replace(VISIT, carriers=way.carriers)) is not None


def test_a_way_in_that_is_not_connected_yet_needs_no_address_and_one_with_a_wrong_text_does() -> None:
    """A tunnel's program starts before it dials: its name is enough until its outer end is known. No session's is."""
    way = Visit("go1", None, None, frozenset({"relay", "cloudsail"}), 150.0)
    named = replace(ONE, carrier="CloudSail")
    assert refusal(named, way) is None
    assert refusal(named, replace(way, address="203.0.113.9")) is not None
    assert refusal(named, replace(way, address="nowhere")) is not None
    assert refusal(named, replace(way, surface="ssh")) is not None


def test_networks_hold_the_addresses_in_them_in_every_spelling() -> None:
    """IPv4 that is written as IPv6 is the same machine."""
    lan = replace(ONE, sources=("192.168.12.0/24", "2001:db8::/32"))
    for inside in ("192.168.12.9", "::ffff:192.168.12.9", "2001:DB8::1"):
        assert mismatch(lan, replace(VISIT, address=inside)) is None
    for outside in ("192.168.13.9", "2001:db9::1", "::ffff:192.168.13.9"):
        assert mismatch(lan, replace(VISIT, address=outside)) is not None


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "10.0.0.0/33", "fe80::1%eth0", "all", "::ffff:0:0/90", "1.2.3.4 "])
def test_what_is_no_network_is_refused(text: str) -> None:
    """A slip of the finger must not open more than was meant."""
    with pytest.raises(ValueError, match=r"."):
        parsed_network(text)


def test_an_address_with_a_zone_is_none() -> None:
    """What stands behind the % is free text, and the robot's."""
    assert parsed_address("fe80::1%eth0") is None
    assert str(parsed_address("::ffff:10.0.0.1")) == "10.0.0.1"


def test_of_several_the_first_that_was_made_is_named() -> None:
    """Which one allowed it must not depend on anything but the record."""
    policy = Policy()
    policy.take(act(replace(ONE, id="a2", until_t=300.0)))
    policy.take(act(replace(ONE, id="a1"), 2))
    found = policy.covering(VISIT)
    assert found is not None
    assert found.id == "a2"


def test_an_end_takes_the_place_of_what_was_made() -> None:
    policy = Policy()
    policy.take(act(ONE))
    policy.take(act(replace(ONE, until_t=140.0, ended_by="bert"), 2, "ended", 140.0))
    assert policy.covering(VISIT) is None
    assert policy.covering(replace(VISIT, t=139.0)) is not None


def test_the_policy_knows_when_something_begins_or_ends() -> None:
    """Facts make time pass; only at these moments everything has to be looked at again."""
    policy = Policy()
    assert not policy.changes_between(float("-inf"), 1e12)
    policy.take(act(ONE))
    assert not policy.changes_between(100.1, 199.9)
    assert policy.changes_between(199.9, 200.1)
    assert policy.changes_between(90.0, 100.0)
    assert not policy.changes_between(200.1, 1e12)
