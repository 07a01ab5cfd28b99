"""A robot is its key: where it comes from makes no other robot of it."""

from pathlib import Path

from tests.robots.running_host import RunningHost, register
from tests.robots.scripted import OverMqtt, ScriptedRobot


def test_a_robot_that_comes_from_another_address_is_the_same_robot(tmp_path: Path) -> None:
    """Modems and access points give a new address each time; a fleet that counted them would be full of ghosts."""
    with RunningHost(tmp_path / "data") as host:
        robot = ScriptedRobot()
        config = register(host.data, "rex", robot, host.port)
        for number, source in enumerate(("127.0.0.1", "127.0.0.2", "127.0.0.3"), 1):
            wire = OverMqtt(robot, config, host.keys.key.public_key(), source)
            wire.send(robot.heartbeat())
            wire.receipt(lambda receipt, number=number: receipt.seq == number)  # type: ignore[misc]
            wire.close()
        (line,) = host.ledger.chain_line(config["robot"])
        assert [one.id for one in host.ledger.robots()] == [config["robot"]]
        assert line.tokens == 3 and host.ledger.faults(config["robot"]) == []
