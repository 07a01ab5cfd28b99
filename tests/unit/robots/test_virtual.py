"""What must hold of the virtual robot also when nobody boots it."""

from pathlib import Path

import pytest

from tests.robots.virtual import auditing, image, recipe, stock
from tests.robots.virtual.stopwatch import Step, walk
from wachhund.inspection.examining import examine
from wachhund.robot_tree.files import Files
from wachhund.robot_tree.folder import Folder


def test_a_walk_ends_at_the_first_step_that_is_not_as_it_must_be(capsys: pytest.CaptureFixture[str]) -> None:
    """What comes after it stands on it; and its name becomes the exit status."""
    taken: list[str] = []

    def well(seen: list[str]) -> str:
        seen.append("well")
        return "found\nand more"

    def wrong(seen: list[str]) -> str:
        raise AssertionError("two files are left")

    assert walk([Step("a", well), Step("b", wrong), Step("c", well)], taken) == "b"
    said = capsys.readouterr().out.splitlines()
    assert taken == ["well"] and [line[11:].strip() for line in said] == [
        "a  found", "and more", "b  FAILED: AssertionError: two files are left"
    ]  # fmt: skip
    assert walk([Step("a", well)], taken) is None


def test_another_recipe_is_another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a change of it would be tried on the old disk."""
    before = recipe.digest()
    assert before == recipe.digest()
    monkeypatch.setattr(recipe, "PACKAGES", (*recipe.PACKAGES, "nginx-light"))
    assert recipe.digest() != before


def test_what_is_put_onto_the_disk_is_a_stock_go1_for_who_looks_at_it(tmp_path: Path) -> None:
    """What it lacks here comes with Debian's packages: users, sshd, and which of its files belong to one."""
    for path in ("bin/dash", "home/pi/.profile"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("")
    stock.furnish(tmp_path)
    folder = Folder(tmp_path)
    try:
        robot, answers = examine(Files(folder))
    finally:
        folder.close()
    of_debian = {
        "default-password-pi", "password-login", "authorized-keys", "started-by-no-package", "release-ended",
    }  # fmt: skip
    assert robot.name == "go1"
    assert {one.name for answer in answers for one in answer.findings} == auditing.STOCK - of_debian


@pytest.mark.needs_root("files of many users")
def test_an_image_that_can_not_be_made_leaves_nothing_and_says_why_in_a_line(tmp_path: Path) -> None:
    """Also nothing of an earlier try that was killed: a half of a disk boots to riddles."""
    killed = tmp_path / f"{recipe.digest()}.new"
    (killed / "tree").mkdir(parents=True)
    with pytest.raises(image.NotMade) as told:
        image.kept(str(tmp_path / "no-such-archive"), tmp_path)
    assert len(str(told.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
