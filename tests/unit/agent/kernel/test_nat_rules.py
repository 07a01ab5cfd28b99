"""Rules that lead connections on, as a real kernel told them of nft, iptables-nft and iptables-legacy."""

import json
import pathlib
from typing import Any, Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.kernel.nat_rules import Forward, of_nftables, of_older_table
from wachhund_agent.sensors.port_forwards import words

RECORDED = pathlib.Path(__file__).parent / "recorded/nat-rules-6.18.json"
RULES = json.loads(RECORDED.read_text())["rules"]
AT = {"ip_tables": 88, "ip6_tables": 140}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "{filter}: {rule}".format(**rule))
def test_a_rule_says_what_it_leads_on_and_where_to(rule: Dict[str, Any]) -> None:
    """Whichever of the three programs wrote it: the kernel keeps each in a shape of its own."""
    told = bytes.fromhex(rule["bytes"])
    made = [of_nftables(told)] if rule["filter"] == "nftables" else of_older_table(told, AT[rule["filter"]])
    assert [words(one) for one in made if one is not None] == rule["leads"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "{filter}: {rule}".format(**rule))
def test_a_rule_that_is_cut_short_anywhere_is_less_or_none(rule: Dict[str, Any]) -> None:
    told = bytes.fromhex(rule["bytes"])
    for length in range(len(told)):
        of_nftables(told[:length])
        for at in AT.values():
            of_older_table(told[:length], at)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_rule_or_none(data: bytes) -> None:
    of_nftables(data)
    for at in AT.values():
        of_older_table(data, at)


def test_what_a_rule_does_not_limit_is_said_as_such() -> None:
    """A rule for everything must not read like one for nothing."""
    assert words(Forward(to="10.0.0.9")) == "any any port to 10.0.0.9"
