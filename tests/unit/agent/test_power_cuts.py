"""The power goes at any write: what was acknowledged is there, no number means two tokens, and what is gone is stated.

Each story is told to a journal over a disk that writes down every operation; then every state in which a disk may be
after each of them (and within each) is opened anew.
"""

import dataclasses
import itertools
import os
import pathlib
import random
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Set, Tuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.robots.power_cut import (
    Cut,
    MemoryDisk,
    QuickDisk,
    RecordedDisk,
    cuts,
    put,
    recorded_in_folder,
    recorded_in_memory,
)
from wachhund_agent.boot_seed import boot_seed
from wachhund_agent.config import Broker, Config, Limits
from wachhund_agent.disk import replace
from wachhund_agent.enrol import write_configuration
from wachhund_agent.host_key import HostKey
from wachhund_agent.identity import load_key, make_key
from wachhund_agent.journal import Gap, Journal, Place, Stored
from wachhund_agent.sensors.persistence import PersistenceSense
from wachhund_agent.sensors.persistence_memory import parse_state
from wachhund_agent.sensors.persistence_places import Place as WatchedPlace
from wachhund_evidence import MisuseError, thumbprint, token_hash
from wachhund_evidence.succession import Pinned

FOLDER = pathlib.Path("/in-memory")
LIMITS = Limits(segment_bytes=1200, journal_bytes=7000, skipped_numbers=2)


_ids = itertools.count()


class Told(NamedTuple):
    """What the one who keeps tokens was told: `what` is kept, receipted or chain."""

    what: str
    chain: str
    seq: int
    token: str = ""


class Keeper:
    """Keeps tokens as the attester does: a gap that the journal tells of is stated in a token of its own.

    A token's text is `CHAIN|SEQ|STATED GAPS|ID OF WHAT WAS OBSERVED|filling`.
    """

    def __init__(self, disk: RecordedDisk, short: bool = False) -> None:
        self.disk = disk
        self.journal = Journal(FOLDER, LIMITS, lambda _, __: short, disk)
        if self.journal.found:
            self.keep(True, gaps=self.journal.found)

    def keep(
        self, of_interest: bool = True, size: int = 150, gaps: Any = (), what: str = "", carries: Optional[Place] = None
    ) -> None:
        journal = self.journal
        seq, chain = journal.next_seq, journal.chain
        stated = ",".join("{}-{}".format(gap.from_seq, gap.to_seq) for gap in gaps if gap.from_seq)
        token = "{}|{}|{}|{}|{}".format(chain, seq, stated, what or next(_ids), "x" * size)
        gone = journal.append(token, of_interest, 1, carries)
        self.disk.mark(Told("kept", chain, seq, token))
        if gone:
            self.keep(True, gaps=gone)

    def receipt(self, seq: int) -> None:
        """The host holds so many: it may be fewer than it said before."""
        journal = self.journal
        self.disk.mark(Told("receipted", journal.chain, seq))
        journal.heard(seq, [], journal.at_host.lost(seq, []))

    def arrived(self, seq: int) -> None:
        """A token beyond a hole is there."""
        self.disk.mark(Told("arrived", self.journal.chain, seq))
        self.journal.heard(self.journal.receipted, [(seq, seq)])

    def new_chain(self) -> None:
        self.journal.start_chain()
        self.keep(what="why")

    def carry(self, most: int) -> None:
        for stored in self.journal.left(most, 1 << 30):
            self.keep(stored.of_interest, what=stored.token.split("|")[3], carries=stored_at(stored))


def stated_in(token: str) -> Set[int]:
    ranges = [piece.split("-") for piece in token.split("|")[2].split(",") if piece]
    return {seq for first, last in ranges for seq in range(int(first), int(last) + 1)}


def opened(disk: MemoryDisk) -> Journal:
    return Journal(FOLDER, LIMITS, lambda _, __: False, disk)


def numbers(gaps: List[Gap]) -> Set[int]:
    return {seq for gap in gaps if gap.from_seq and gap.to_seq for seq in range(gap.from_seq, gap.to_seq + 1)}


def check(cut: Cut, torn: FrozenSet[int] = frozenset()) -> None:
    """All that a journal owes to whoever it told that it keeps something.

    `torn`: numbers of which an earlier start could not say whether they were ever used.
    """
    disk = MemoryDisk(FOLDER, cut.state)
    told: List[Told] = list(cut.marks)
    kept: Dict[Tuple[str, int], str] = {(one.chain, one.seq): one.token for one in told if one.what == "kept"}
    receipted: Dict[str, int] = {}
    went_back = False
    for one in told:
        if one.what == "receipted":
            went_back = went_back or one.seq < receipted.get(one.chain, 0)
            receipted[one.chain] = max(one.seq, receipted.get(one.chain, 0))
    journal = opened(disk)
    here = {stored.seq: stored.token for stored in journal.read(1, journal.next_seq - 1, 1 << 20, 1 << 40)}
    arrived = {(one.chain, one.seq) for one in told if one.what == "arrived"}
    at_host = {
        token for (chain, seq), token in kept.items() if seq <= receipted.get(chain, 0) or (chain, seq) in arrived
    }
    stated: Set[int] = numbers(journal.found)
    for token in [*here.values(), *at_host]:
        if token.startswith(journal.chain):
            stated |= stated_in(token)
    mine = {seq: token for (chain, seq), token in kept.items() if chain == journal.chain}

    assert all(here[seq] == mine.get(seq, here[seq]) for seq in here), "a number means one token"
    assert journal.next_seq > max([*mine, *here, 0]), "no number is used twice"
    assert journal.receipted <= receipted.get(journal.chain, 0), "nothing is receipted that no receipt covered"
    for seq in mine:
        assert mine[seq] in at_host or seq in here or seq in stated, "lost unstated: {}".format(seq)
    told_gone = numbers([gap for gap in journal.found if gap.lost != 0])
    assert not numbers(journal.found) & set(here), "what is here is not stated as gone"
    assert not numbers([gap for gap in journal.found if gap.lost == 0]) & set(mine), "what was used was not skipped"
    if not went_back:
        assert not {seq for seq in told_gone if mine.get(seq) in at_host}, "what the host has is not stated as gone"
    for gap in journal.found:
        if gap.lost != 0 and gap.from_seq and gap.to_seq and gap.to_seq < journal.next_seq - 1:
            assert numbers([gap]) & {*mine, *torn}, "nothing is stated as gone that never was"
    assert here or mine or not kept, "no chain goes on whose first token, which says why, is not there"
    newest = max(here, default=0)
    if newest:
        assert journal.prev == token_hash(here[newest]), "each token names the one before"
    left = set(states_again(journal))
    for (chain, _), token in kept.items():
        if chain != journal.chain and token not in at_host:
            observed = token.split("|")[3]
            elsewhere = {*here.values(), *left, *at_host} - {token}
            again = [one for one in elsewhere if one.split("|")[3] == observed]
            assert token in left or again or stated_of_earlier(journal), "lost with its chain: {}".format(token)
            assert not (token in left and again), "stated again twice"
    goes_on(disk, journal)


def states_again(journal: Journal) -> Iterator[str]:
    """What is left of earlier chains, each carried into the present one."""
    while True:
        left = journal.left(3, 1 << 20)
        for stored in left:
            yield stored.token
            journal.append("{}|{}||again|".format(journal.chain, journal.next_seq), True, 1, stored_at(stored))
        if not left:
            return


def stored_at(stored: Stored) -> Place:
    return Place(stored.chain, stored.seq)


def stated_of_earlier(journal: Journal) -> bool:
    """Of an earlier chain a loss is only counted."""
    return any(gap.from_seq is None for gap in journal.found)


def goes_on(disk: MemoryDisk, journal: Journal) -> None:
    """It can be used as if nothing had been."""
    before = journal.next_seq
    tokens = ["{}|{}||after|".format(journal.chain, before + number) for number in range(2)]
    for token in tokens:
        journal.append(token, True, 1)
    journal.close()
    again = opened(disk)
    assert [one.token for one in again.read(before, before + 9, 9, 1 << 30)] == tokens
    assert again.was_clean and again.next_seq == before + 2 and again.prev == token_hash(tokens[-1])
    again.close()


# The stories


def appending(keeper: Keeper) -> None:
    """Through two changes of the segment, to a clean stop."""
    for _ in range(16):
        keeper.keep()
    keeper.journal.close()


def receipting(keeper: Keeper) -> None:
    """Receipts come, go back, and come again."""
    for number in range(1, 17):
        keeper.keep()
        if number % 3 == 0:
            keeper.receipt(number - 1)
    keeper.arrived(16)
    keeper.keep()
    keeper.arrived(14)
    keeper.receipt(4)
    keeper.keep()
    keeper.receipt(12)
    keeper.keep()


def receipted_goes(keeper: Keeper) -> None:
    """A full journal lets go what the host has."""
    for number in range(1, 80):
        keeper.keep()
        if number % 5 == 0:
            keeper.receipt(number - 2)


def thinning(keeper: Keeper) -> None:
    """Nothing is receipted: what is of no interest goes from whole segments, then whole segments."""
    for number in range(70):
        keeper.keep(of_interest=number % 4 == 0)


def a_new_chain(keeper: Keeper) -> None:
    """What no receipt covers is stated again in a new chain, piece by piece."""
    for _ in range(9):
        keeper.keep()
    keeper.receipt(2)
    keeper.new_chain()
    keeper.carry(3)
    keeper.receipt(2)
    keeper.new_chain()
    for _ in range(4):
        keeper.carry(2)
        keeper.keep()


def starts(keeper: Keeper) -> None:
    """Agents come and go, cleanly and not, with and without having kept anything."""
    disk = keeper.disk
    for number in range(4):
        keeper.keep()
        if number % 2:
            keeper.journal.close()
        Keeper(disk)  # killed before it kept anything
        keeper = Keeper(disk)
    keeper.keep()


STORIES = {story.__name__: story for story in (appending, receipting, receipted_goes, thinning, a_new_chain, starts)}


def told_to(story: Callable[[Keeper], None], short: bool = False) -> RecordedDisk:
    disk = recorded_in_memory(FOLDER)
    story(Keeper(disk, short))
    return disk


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_whatever_a_power_cut_leaves_of_a_journal_nothing_is_lost_unstated(story: Callable[[Keeper], None]) -> None:
    """Each moment of the story, and some of what the disk may hold then."""
    chance = random.Random(0)
    for _, moment in itertools.groupby(cuts(told_to(story), seed=1), lambda cut: cut.at):
        for cut in chance.sample(list(moment), 1):
            check(cut)


@pytest.mark.thorough
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_nothing_that_a_power_cut_may_leave_of_a_journal_loses_anything_unstated(
    story: Callable[[Keeper], None],
) -> None:
    """Everything that the disk may hold at each moment."""
    checked = 0
    for cut in cuts(told_to(story), seed=1):
        check(cut)
        checked += 1
    assert checked > 300


@pytest.mark.thorough
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_a_power_cut_after_a_power_cut_loses_nothing_either(story: Callable[[Keeper], None]) -> None:
    """What finds the ruins of the first one must itself be fit for a second: a battery that is failing."""
    for first in random.Random(7).sample(list(cuts(told_to(story), seed=2)), 25):
        second = recorded_in_memory(FOLDER, first.state)
        keeper = Keeper(second)
        torn = frozenset(numbers([gap for gap in keeper.journal.found if gap.lost is None]))
        for _ in range(2):
            keeper.keep()
        for cut in cuts(second, seed=3):
            check(cut._replace(marks=(*first.marks, *cut.marks)), torn)


def test_a_short_disk_does_not_make_a_number_come_twice() -> None:
    """All that is receipted goes then, with the newest token: the next number must be known without it."""

    def story(keeper: Keeper) -> None:
        for number in range(1, 40):
            keeper.keep()
            if number % 3 == 0:
                keeper.receipt(number)

    for cut in cuts(told_to(story, short=True), seed=4):
        check(cut)


def test_a_receipt_that_says_less_makes_nothing_gone_that_the_host_has() -> None:
    """It may be an old one that was late on the way. That it says less, and what it says, is kept together or not at
    all: else a power cut in between makes the robot state everything as gone that it let go since the first number.
    """

    def story(keeper: Keeper) -> None:
        for number in range(1, 60):
            keeper.keep()
            keeper.receipt(number)
        keeper.receipt(55)
        keeper.receipt(59)

    disk = told_to(story)
    late = [at for at, op in enumerate(disk.log) if op.what == "mark" and op.mark.what == "receipted"][-2]
    after = [cut for cut in cuts(disk, seed=11) if cut.at > late]
    assert len(after) > 10
    for cut in after:
        gone = numbers([gap for gap in opened(MemoryDisk(FOLDER, cut.state)).found if gap.lost != 0])
        assert not {seq for seq in gone if seq <= 55}


def test_what_the_host_lost_of_a_chain_that_ended_is_told_again_whenever_the_power_goes() -> None:
    """Receipts covered it, and the one that ended the chain covered less: no later one says so, and it is here only."""

    def story(keeper: Keeper) -> None:
        for _ in range(9):
            keeper.keep()
        keeper.receipt(3)
        for seq in (5, 6, 8):
            keeper.arrived(seq)
        keeper.receipt(3)
        keeper.new_chain()
        for _ in range(4):
            keeper.carry(2)

    looked = 0
    for cut in cuts(told_to(story), seed=12):
        kept = [one for one in cut.marks if one.what == "kept"]
        journal = opened(MemoryDisk(FOLDER, cut.state))
        if not kept or journal.chain == kept[0].chain:
            continue
        here = [stored.token for stored in journal.read(1, journal.next_seq - 1, 1 << 20, 1 << 40)]
        left = [stored.token for stored in journal.left(99, 1 << 20)]
        told = {token.split("|")[3] for token in [*here, *left]}
        assert {one.token.split("|")[3] for one in kept if one.chain == kept[0].chain and one.seq > 3} <= told
        looked += 1
    assert looked > 30


# The agent's other files


def read_all(cut: Cut, folder: pathlib.Path, read: Callable[[], Any]) -> Any:
    put(cut.state, folder)
    return read()


def test_a_configuration_is_the_old_or_the_new_one_and_the_new_one_once_enrolled(tmp_path: pathlib.Path) -> None:
    """`enrol --replace` on a robot whose battery is pulled must not leave it without a host."""
    live, after = tmp_path / "live", tmp_path / "after"
    live.mkdir()
    path = live / "agent.json"
    replace(path, b'{"robot": "old"}\n', QuickDisk())
    disk = recorded_in_folder(live)
    write_configuration(path, {"robot": "new", "more": "x" * 3000}, disk)
    disk.mark("enrolled")
    for cut in cuts(disk, seed=5):
        there = read_all(cut, after, (after / "agent.json").read_bytes)
        assert there in ((b'{"robot": "old"}\n', path.read_bytes()) if not cut.marks else (path.read_bytes(),))


def test_a_key_that_was_shown_to_a_host_is_on_disk(tmp_path: pathlib.Path) -> None:
    """An invitation lets one key in. If that were gone, a person would have to come."""
    live, after = tmp_path / "live", tmp_path / "after"
    live.mkdir()
    disk = recorded_in_folder(live)
    make_key(live / "agent.key", disk)
    disk.mark("shown")
    whole = 0
    for cut in cuts(disk, seed=6):
        put(cut.state, after)
        if (after / "agent.key").exists():
            load_key(after / "agent.key")
            whole += 1
        else:
            assert not cut.marks
            make_key(after / "agent.key" if not (after / "agent.key.pub").exists() else after / "other.key")
    assert whole


def test_no_rest_of_a_key_is_in_the_way_of_a_new_one(tmp_path: pathlib.Path) -> None:
    """Two names of one file, after a power cut between them: writing the next key must not empty the first."""
    key = tmp_path / "agent.key"
    make_key(key)
    first = key.read_bytes()
    os.link(str(key), str(tmp_path / "agent.key.new"))
    with pytest.raises(MisuseError, match="exists already"):
        make_key(key)
    (tmp_path / "agent.key.pub").unlink()
    with pytest.raises(MisuseError, match="exists already"):
        make_key(key)
    assert key.read_bytes() == first


def test_what_persistence_remembers_is_never_half(tmp_path: pathlib.Path) -> None:
    """Half a memory would make every file look new after a power cut."""
    live, after, watched = tmp_path / "live", tmp_path / "after", tmp_path / "watched"
    live.mkdir()
    watched.mkdir()
    (watched / "one").write_text("1")
    disk = recorded_in_folder(live)
    for text in ("1", "2"):
        (watched / text).write_text(text)
        sense = PersistenceSense([WatchedPlace(str(watched / "*"), "rc")], live / "memory.json", disk)
        mono = 0.0
        sense.start(mono)
        while sense._steps is not None:
            mono += 1.0
            sense.look(mono)
        sense.close()
        disk.mark(text)
    for cut in cuts(disk, seed=8):
        put(cut.state, after)
        remembered = parse_state((after / "memory.json").read_bytes()) if cut.marks else {}
        assert remembered is not None and len(remembered) >= len(cut.marks) + (1 if cut.marks else 0)


def test_a_hosts_new_key_is_believed_wholly_or_not_at_all(tmp_path: pathlib.Path) -> None:
    """Half a key file would lock the robot out of its host."""
    live, after = tmp_path / "live", tmp_path / "after"
    live.mkdir()
    old, new = [Ed25519PrivateKey.generate().public_key() for _ in range(2)]
    config = Config("abcdefghi7", Broker("h", 1), "c", "u", "p", old, "n", live, live)
    disk = recorded_in_folder(live)
    assert HostKey(config, lambda line: None, disk).keep(Pinned(new, None, 0))
    disk.mark("believed")
    for cut in cuts(disk, seed=10):
        put(cut.state, after)
        kid = HostKey(dataclasses.replace(config, data=after), lambda line: None).kid
        assert kid in ([thumbprint(new)] if cut.marks else [thumbprint(new), thumbprint(old)])


def test_a_boot_seed_is_whole_or_made_anew(tmp_path: pathlib.Path) -> None:
    """A seed cut short would be refused by every host, for as long as the board runs."""
    live, after = tmp_path / "live", tmp_path / "after"
    live.mkdir()
    boot = tmp_path / "boot_id"
    boot.write_text("first\n")
    disk = recorded_in_folder(live)
    seed = boot_seed(live, boot, disk)
    disk.mark(seed)
    for cut in cuts(disk, seed=9):
        put(cut.state, after)
        again = boot_seed(after, boot, QuickDisk())
        assert len(again) == 43 and (not cut.marks or again == seed)
