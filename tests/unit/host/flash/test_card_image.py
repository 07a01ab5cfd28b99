"""`wachhund flash image`: a robot's card from any card's image, by real file systems, mke2fs and debugfs."""

import datetime
import fcntl
import hashlib
import io
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.hostile_cards.making import MIB, SECTOR
from tests.robots.cards import FIRST, card
from tests.robots.host_bench import HostBench
from wachhund.flash import card_looking, card_writing, first_boot
from wachhund.flash.asking import Asking
from wachhund.flash.bundles import AgentBundle
from wachhund.flash.card_image import ImageWish, flash_image
from wachhund.flash.card_looking import CardSystem
from wachhund.flash.card_workplace import copy
from wachhund.flash.host_side import Host
from wachhund.flash.known_robots import KnownRobots
from wachhund.flash.outcome import (
    ARCHITECTURE,
    BAD_IMAGE,
    DECLINED,
    FAILED,
    NO_PYTHON,
    NO_SPACE,
    NO_SYSTEMD,
    OTHER_VERSION,
    FlashRefused,
)  # fmt: skip
from wachhund.flash.telling import Telling
from wachhund.fleet.authority import Authority
from wachhund.fleet.inviting import invite
from wachhund_evidence import MisuseError
from wachhund_evidence.enrolment import read_invitation

NOW = 1_800_000_000.0
DOORS = ("192.0.2.1:8443",)
BUNDLE = AgentBundle(Path("x"), "wachhund-agent-0.1.0-aarch64.run", os.urandom(MIB), None, None)


def elf(machine: int = 0xB7, bits: int = 2) -> bytes:
    """The head of a program."""
    return b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + b"\x02\x00" + machine.to_bytes(2, "little") + bytes(44)


def tree(folder: Path, **files: bytes | None) -> Path:
    """A small system; `files` by path with / as __, None takes one away."""
    stock: dict[str, bytes | None] = {
        "etc/os-release": b"ID=raspbian\n",
        "etc/systemd/system/x.service": b"[Unit]\n",
        "var/lib/dpkg/status": b"",
        "usr/bin/python3.9": elf(),
        "lib/systemd/libsystemd-shared-241.so": elf(),
    }
    for path, content in {**stock, **{name.replace("__", "/"): content for name, content in files.items()}}.items():
        if content is not None:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    return folder


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    bench = HostBench(tmp_path / "host")
    authority = Authority.load_or_create(bench.data, ["192.0.2.1"], datetime.datetime.now(datetime.UTC))
    yield Host(bench.ledger, KnownRobots(tmp_path / "known"), DOORS, tmp_path / "tickets", authority, bench.keys)
    bench.close()


def flashed(
    host: Host, image: Path, *, yes: bool = True, telling: Telling | None = None, **wished: object
) -> tuple[Path, str]:
    """The new image and the last words."""
    wish = ImageWish(**{
        "image": image, "out": image.with_name("rex.img"), "name": "rex", "hours": 24.0, "replaces": False,
        "dry_run": False, **wished,
    })  # type: ignore[arg-type]  # fmt: skip
    asking = Asking(yes=yes, input=io.StringIO())
    telling = telling or Telling()
    return wish.out, flash_image(host, lambda machine: BUNDLE, wish, "op", asking, telling, lambda: NOW)


def debugfs(image: Path, *commands: str) -> str:
    """What it says to commands, done to the card's system."""
    done = subprocess.run(
        ["/usr/sbin/debugfs", "-w", "-f", "-", f"{image.name}?offset={FIRST * SECTOR}"], cwd=image.parent,
        input="\n".join(commands) + "\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    return "".join(line + "\n" for line in done.stdout.splitlines() if not line.startswith("debugfs: "))


def is_invited(host: Host) -> bool:
    """Whether an invitation of that name counts: then there can't be another."""
    try:
        invite(host.ledger, host.keys, host.authority, "rex", DOORS, "op", NOW + 1)
    except MisuseError:
        return True
    return False


@pytest.mark.parametrize("table", ["dos", "gpt"])
def test_the_new_image_holds_all_of_a_first_boot_and_no_key(host: Host, tmp_path: Path, table: str) -> None:
    """Root's, private, and started with the robot; the token is one that the host knows."""
    image = card(tree(tmp_path / "tree"), tmp_path / "card.img", table, mib=16)
    before = hashlib.sha256(image.read_bytes()).digest()
    out, words = flashed(host, image)
    assert "compare the six words" in words and "2027-01-16" in words
    assert hashlib.sha256(image.read_bytes()).digest() == before  # what was given is only read
    assert out.stat().st_mode & 0o777 == 0o600
    text = debugfs(out, f"cat {first_boot.FOLDER}/token").strip()
    assert read_invitation(text).addresses == DOORS
    wanted = first_boot.entries(BUNDLE.name, BUNDLE.data, text)
    assert {one.path: one.seen for one in wanted} == card_looking.look(out).written
    assert all(one.seen[1] == 0 for one in wanted)
    assert is_invited(host)
    assert not list(tmp_path.glob(".wachhund*"))


def test_nothing_else_of_the_card_is_changed(host: Host, tmp_path: Path) -> None:
    """All that lay there is there, to the byte; the boot partition too, and what starts with the robot already."""
    source = tree(tmp_path / "tree", home__pi__x=os.urandom(300_000))
    wants = source / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(0o750)
    (wants / "ssh.service").symlink_to("/lib/systemd/system/ssh.service")
    image = card(source, tmp_path / "card.img", mib=16)
    out, _ = flashed(host, image)
    assert out.read_bytes()[: FIRST * SECTOR] == image.read_bytes()[: FIRST * SECTOR]
    into = tmp_path / "dumped"
    into.mkdir()
    debugfs(out, f"rdump / {into}")
    for path in source.rglob("*"):
        if path.is_file():
            assert (into / path.relative_to(source)).read_bytes() == path.read_bytes()
    there = debugfs(out, "ls -l /etc/systemd/system/multi-user.target.wants")
    assert "40750" in there and "ssh.service" in there and first_boot.UNIT in there


def test_a_card_that_was_taken_out_while_it_was_written_to_is_given_what_its_journal_holds(
    host: Host, tmp_path: Path
) -> None:
    """As a robot's start would: else that would come later, over what was written."""
    image = card(tree(tmp_path / "tree", home__pi__x=b"before"), tmp_path / "card.img", mib=16)
    (tmp_path / "block").write_bytes(b"after!".ljust(1024, b"\0"))
    block = debugfs(image, "blocks /home/pi/x").strip()
    debugfs(image, "jo", f"jw -b {block} block", "jc")
    assert card_looking.look(image).has_journal_left
    out, _ = flashed(host, image)
    assert debugfs(out, "cat /home/pi/x") == "after!\n"
    assert not card_looking.look(out).has_journal_left
    assert out.stat().st_blocks * 512 < 8 * MIB, "holes stay holes"


def test_whatever_the_files_are_called(host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """e2fsprogs read a "?" as the begin of settings, debugfs a space as the end of a name, a terminal an escape."""
    folder = tmp_path / "a ?offset=7 \"'$(x)"
    folder.mkdir()
    image = card(tree(tmp_path / "tree"), folder / "x\x1b[31m\n.img", mib=16)
    out, words = flashed(host, image, out=folder / 'o?\n\udcff ".img', name='ü "x" /../$(id)')
    assert first_boot.UNIT_FILE in card_looking.look(out).written and "'ü \"x\" /../$(id)'" in words
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "status", "why"),
    [
        ({"usr__bin__python3.9": elf(0x28, 1)}, ARCHITECTURE, "for arm, 32-bit: there are bundles for 64-bit"),
        ({"usr__bin__python3.9": elf(0xF3)}, ARCHITECTURE, "for machine 243"),
        ({"usr__bin__python3.9": b"#!/bin/sh\n"}, ARCHITECTURE, "for unknown"),
        ({"usr__bin__python3.9": None, "bin__sh": elf()}, NO_PYTHON, "no Python 3.7 to 3.11"),
        ({"lib__systemd__libsystemd-shared-241.so": None, "lib__systemd__libsystemd-shared-237.so": b""}, NO_SYSTEMD,
         "systemd 237: the agent needs 239"),
        ({"etc__systemd__system__x.service": None}, NO_SYSTEMD, "/etc/systemd/system is missing"),
        ({"opt__wachhund__current": b""}, OTHER_VERSION, "/opt/wachhund is there: Wachhund is on it already"),
        ({"var__lib__private__wachhund__agent.json": b"{}"}, OTHER_VERSION, "maybe with a key"),
        ({"var__lib__wachhund-first-boot__token": b"x"}, OTHER_VERSION, "is on it already"),
    ],
)  # fmt: skip
def test_a_card_that_can_not_take_it_is_refused_and_nobody_is_invited(
    host: Host, tmp_path: Path, files: dict[str, bytes | None], status: int, why: str
) -> None:
    """What, where, and nothing is left."""
    image = card(tree(tmp_path / "tree", **files), tmp_path / "card.img", mib=16)
    with pytest.raises(FlashRefused, match=why) as refused:
        flashed(host, image)
    assert refused.value.status == status
    assert not is_invited(host) and not (tmp_path / "rex.img").exists()


def test_folders_that_lead_elsewhere_are_refused(host: Host, tmp_path: Path) -> None:
    """Whatever a card's links say, it is written to where a robot's systemd looks."""
    source = tree(tmp_path / "tree", elsewhere__x=b"")
    (source / "etc/systemd/system/multi-user.target.wants").symlink_to("/elsewhere")
    with pytest.raises(FlashRefused, match=r"multi-user\.target\.wants is elsewhere"):
        flashed(host, card(source, tmp_path / "card.img", mib=16))


def test_a_full_card_is_refused_beforehand(host: Host, tmp_path: Path) -> None:
    """With how much is wanted."""
    image = card(tree(tmp_path / "tree", big=os.urandom(6 * MIB)), tmp_path / "card.img", mib=8)
    with pytest.raises(FlashRefused, match=r"MB free in it, 2\.1 MB needed: make its file system larger") as refused:
        flashed(host, image)
    assert refused.value.status == NO_SPACE and not is_invited(host)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no image of a card"),
        (bytes(MIB), "no image of a card"),
        (b"LUKS\xba\xbe" + bytes(MIB), "encrypted"),
        (b"\xfd7zXZ\x00" + bytes(MIB), "packed by xz: unpack it first"),
    ],
)
def test_what_is_no_card_is_one_line(host: Host, tmp_path: Path, content: bytes, why: str) -> None:
    """Empty, zeros, encrypted, packed."""
    (tmp_path / "card.img").write_bytes(content)
    with pytest.raises(MisuseError, match=why):
        flashed(host, tmp_path / "card.img")


def test_a_card_that_is_cut_off_is_refused(host: Host, tmp_path: Path) -> None:
    """Written to it would be damaged for good."""
    image = card(tree(tmp_path / "tree"), tmp_path / "card.img", mib=16)
    os.truncate(image, image.stat().st_size - 8 * MIB)
    with pytest.raises(MisuseError, match=r"cut off|damaged"):
        flashed(host, image)


def test_a_damaged_file_system_is_refused_and_nobody_is_invited(host: Host, tmp_path: Path) -> None:
    """Where a file's blocks are nobody knows: what was written might come over it."""
    image = card(tree(tmp_path / "tree"), tmp_path / "card.img", mib=16)
    debugfs(image, "sif /etc/os-release block[0] 1")
    with pytest.raises(
        FlashRefused, match=r"card\.img: its file system is damaged: Inode \d+ .*: read the card"
    ) as refused:
        flashed(host, image)
    assert refused.value.status == BAD_IMAGE
    assert not is_invited(host) and sorted(path.name for path in tmp_path.glob("*.img")) == ["card.img"]


def test_a_write_that_fails_is_found_by_reading_again(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """debugfs ends with 0 whatever happens: here it is given a folder that is not there."""
    image = card(tree(tmp_path / "tree"), tmp_path / "card.img", mib=16)
    real = card_writing.write

    def without_its_folder(
        card: Path, system: CardSystem, entries: Sequence[first_boot.Entry], there: set[str]
    ) -> None:
        real(card, system, entries[1:], there)

    monkeypatch.setattr(card_writing, "write", without_its_folder)
    with pytest.raises(FlashRefused, match="could not be written into it") as refused:
        flashed(host, image)
    assert refused.value.status == BAD_IMAGE
    assert not is_invited(host) and not (tmp_path / "rex.img").exists()


def test_what_a_killed_run_left_is_taken_away_and_what_another_works_on_stays(host: Host, tmp_path: Path) -> None:
    """It holds a token."""
    image = card(tree(tmp_path / "tree"), tmp_path / "card.img", mib=16)
    left, worked_on = tmp_path / ".wachhund-1.part", tmp_path / ".wachhund-2.part"
    for folder in (left, worked_on):
        folder.mkdir()
        (folder / "file-2").write_text("a token")
    with (worked_on / "lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        flashed(host, image)
        assert not left.exists() and (worked_on / "file-2").exists()


def test_a_dry_run_and_a_no_make_nothing(host: Host, tmp_path: Path) -> None:
    """And invite nobody."""
    image = card(tree(tmp_path / "tree"), tmp_path / "card.img", mib=16)
    assert flashed(host, image, dry_run=True)[1] == "nothing was made"
    with pytest.raises(FlashRefused) as refused:
        flashed(host, image, yes=False)
    assert refused.value.status == DECLINED
    assert not is_invited(host) and not (tmp_path / "rex.img").exists()


def test_an_image_is_never_written_over(host: Host, tmp_path: Path) -> None:
    """Twice the same is told."""
    image = card(tree(tmp_path / "tree"), tmp_path / "card.img", mib=16)
    flashed(host, image)
    with pytest.raises(MisuseError, match="is there already: give --out ANOTHER"):
        flashed(host, image, name="bo")


def test_what_somebody_put_there_meanwhile_stays(host: Host, tmp_path: Path) -> None:
    """And nobody is invited by an image that was not given."""
    image, out = card(tree(tmp_path / "tree"), tmp_path / "card.img", mib=16), tmp_path / "rex.img"

    class Somebody(Telling):
        def line(self, name: str, text: str) -> None:
            out.write_text("theirs")

    with pytest.raises(MisuseError, match="is there already"):
        flashed(host, image, telling=Somebody(), dry_run=False)
    assert out.read_text() == "theirs" and not is_invited(host) and not list(tmp_path.glob(".wachhund*"))


@pytest.mark.parametrize(
    ("out", "why"),
    [("/proc/rex.img", "nothing was made"), ("x" * 300 + ".img", "File name too long: nothing was made")],
)
def test_a_place_that_takes_no_image_is_told_and_nobody_is_invited(
    host: Host, tmp_path: Path, out: str, why: str
) -> None:
    """Read-only at once, or at the last act: then the invitation is withdrawn."""
    image = card(tree(tmp_path / "tree"), tmp_path / "card.img", mib=16)
    with pytest.raises(FlashRefused, match=why) as refused:
        flashed(host, image, out=tmp_path / out)
    assert refused.value.status == FAILED and not is_invited(host) and not list(tmp_path.glob(".wachhund*"))


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    """Where it is full in the middle of writing, e2fsprogs do not say why they failed."""
    (tmp_path / "card.img").write_bytes(b"x")
    with pytest.raises(FlashRefused, match=r"no room: .* MB are wanted: give --out") as refused:
        copy(tmp_path / "card.img", tmp_path / "card", tmp_path / "rex.img", 10**18)
    assert refused.value.status == NO_SPACE


def test_a_name_that_is_invited_is_refused_before_anything_is_copied(host: Host, tmp_path: Path) -> None:
    """Not after minutes."""
    image = card(tree(tmp_path / "tree"), tmp_path / "card.img", mib=16)
    assert not is_invited(host)  # from now on it is
    with pytest.raises(MisuseError, match="is invited: give another name"):
        flashed(host, image, dry_run=True)
