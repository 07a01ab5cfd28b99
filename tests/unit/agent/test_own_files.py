"""The agent's own files: every module that runs is watched, wherever it lies."""

from pathlib import Path

import wachhund_agent
import wachhund_evidence
from wachhund_agent.own_files import code_places, given_places


def test_every_module_of_both_packages_is_watched() -> None:
    """A folder that lies deeper than the patterns reach would be a blind spot."""
    watched = {str(path) for place in code_places() for path in Path("/").glob(place.path[1:])}
    folders = [Path(str(package.__file__)).parent for package in (wachhund_agent, wachhund_evidence)]
    assert watched == {str(path) for folder in folders for path in folder.rglob("*.py")}
    assert {place.place_class for place in code_places()} == {"agent"}
    assert not any(place.secret for place in code_places())


def test_what_a_run_was_given_is_watched_and_the_key_is_secret(tmp_path: Path) -> None:
    config, key = tmp_path / "a[1].json", tmp_path / "agent*.key"
    config.write_text("x")
    key.write_text("y")
    places = given_places(config, key)
    assert [list(Path("/").glob(place.path[1:])) for place in places] == [[config], [key]]
    assert [place.secret for place in places] == [False, True]
