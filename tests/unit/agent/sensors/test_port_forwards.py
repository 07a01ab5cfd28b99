"""Rules that lead on, told once as they come and go."""

from typing import List, Tuple

from wachhund_agent.kernel.nat_rules import Forward
from wachhund_agent.sensors import port_forwards
from wachhund_agent.sensors.port_forwards import PortForwards
from wachhund_evidence import Observation

SSH = Forward("tcp", "ppp0", "2280", "192.168.123.13", 22)
HERE = Forward("tcp", None, "443", "", 22)


def told(observations: List[Observation]) -> List[Tuple[object, ...]]:
    return [tuple(one.fields.get(name) for name in ("what", "value", "to", "existing")) for one in observations]


def test_a_new_rule_beside_others_is_told_once_and_its_end_too() -> None:
    """Whether addresses are rewritten at all says nothing on a robot that does so from the factory."""
    rules = PortForwards()
    assert told(rules.changes([HERE], 1.0, "link", True)) == [("tcp 443 to this robot:22", True, None, True)]
    assert rules.differ([HERE, SSH]) and not rules.differ([HERE, HERE])
    came = rules.changes([HERE, SSH, SSH], 2.0, "link", False)
    what = "tcp 2280 on ppp0 to 192.168.123.13:22"
    assert told(came) == [(what, True, ["192.168.123.13", 22], None)]
    assert (came[0].kind, came[0].fields["port"], came[0].fields["interface"]) == ("config.state", "2280", "ppp0")
    assert rules.changes([SSH, HERE], 3.0, "link", False) == []
    assert told(rules.changes([HERE], 4.0, "link", False)) == [(what, False, ["192.168.123.13", 22], None)]


def test_a_flood_of_rules_is_told_over_several_looks() -> None:
    """Each is told; none of them in a burst that a queue could not hold."""
    rules = PortForwards()
    many = [SSH._replace(port=str(port)) for port in range(1000, 1000 + port_forwards.TOLD_A_LOOK + 5)]
    first = rules.changes(many, 1.0, "link", False)
    assert len(first) == port_forwards.TOLD_A_LOOK and rules.differ(many)
    rest = rules.changes(many, 2.0, "link", False)
    assert len(rest) == 5 and not rules.differ(many)
