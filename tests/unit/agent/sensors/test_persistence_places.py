"""Where files are watched: in the homes of users, and not of services that have none."""

from pathlib import Path

from wachhund_agent.sensors.persistence_places import homes


def test_homes_are_those_of_users(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("a:x:1:1::{0}:/bin/sh\nb:x:2:2::/nonexistent:/bin/sh\nrubbish\n".format(tmp_path))
    assert homes(tmp_path / "passwd") == [str(tmp_path)]
