"""A card's image, made by mke2fs and sfdisk: the findings of its files in a folder, and no harm from a hostile one."""

from pathlib import Path

import pytest

from tests.hostile_cards.__main__ import ALTERED, MADE, one
from tests.hostile_cards.making import MIB, whole_card
from tests.robots.cards import card, file_system
from tests.unit.host.inspection import robot_tree
from wachhund.inspection.card_reading import digest_of, read_card
from wachhund.inspection.examining import examine
from wachhund.inspection.finding import PASSED
from wachhund.robot_tree.files import Files
from wachhund.robot_tree.folder import Folder
from wachhund_evidence import MisuseError


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return robot_tree.enrolled(tmp_path_factory.mktemp("robot"))


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4", "dos", "gpt"])
def test_a_card_has_the_findings_of_its_files(root: Path, tmp_path: Path, kind: str) -> None:
    """As a file system alone, and behind each kind of partition table."""
    image = tmp_path / "card.img"
    if kind in ("dos", "gpt"):
        card(root, image, kind)
    else:
        file_system(root, image, kind)
    robot, answers = read_card(image)
    assert robot.name == "go1"
    assert answers[:-1] == examine(Files(Folder(root)))[1]
    assert answers[-1].name == "whole-image" and answers[-1].result == PASSED


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no image of a card"),
        (b"not an image at all" * 1000, "no image of a card"),
        (bytes(MIB), "no image of a card"),
        (b"LUKS\xba\xbe" + bytes(MIB), "encrypted"),
    ],
)
def test_what_is_no_card_is_one_clear_line(tmp_path: Path, content: bytes, why: str) -> None:
    """Empty, a text, zeros, encrypted."""
    image = tmp_path / "x.img"
    image.write_bytes(content)
    with pytest.raises(MisuseError, match=why):
        read_card(image)


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    """What, where, what to do."""
    with pytest.raises(MisuseError, match="No such file or directory: give an image"):
        digest_of(tmp_path / "x.img")


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.9])
def test_a_card_that_is_cut_off_is_refused_or_says_what_is_missing(root: Path, tmp_path: Path, keep: float) -> None:
    """Never a clean bill."""
    image = card(root, tmp_path / "card.img")
    data = image.read_bytes()
    image.write_bytes(data[: int(len(data) * keep)])
    try:
        answers = read_card(image)[1]
    except MisuseError:
        return
    assert any(answer.missed for answer in answers)


def test_a_system_of_another_kind_is_named(tmp_path: Path) -> None:
    """A card with no Linux on it."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(MisuseError, match="no Linux system on it"):
        read_card(file_system(tmp_path / "empty", tmp_path / "x.img"))


@pytest.mark.parametrize("kind", [ALTERED, MADE])
def test_a_hostile_file_system_hurts_nobody(root: Path, tmp_path: Path, kind: str) -> None:
    """Tables changed at random, and entries made to hurt, from a seed. `make hostile-cards` does thousands."""
    whole = whole_card(root, tmp_path)
    for number in range(20):
        found = one(kind, number, 9, tmp_path, whole)
        assert found.fault is None, f"{kind} {number}: {found.fault}"
