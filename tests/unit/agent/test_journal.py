"""The journal: evidence survives power cuts, damage and full disks, and what does not survive is stated."""

import errno
import os
import pathlib
import random
import shutil
import struct
import zlib
from typing import Callable, Dict, List, Set

import pytest

from tests.robots.power_cut import MemoryDisk
from wachhund_agent.boot_seed import boot_seed
from wachhund_agent.config import Limits
from wachhund_agent.disk import Disk
from wachhund_agent.journal import Gap, Journal, JournalError, Place
from wachhund_evidence import ZERO_HASH, base64url, token_hash

FOLDER = pathlib.Path("/in-memory")
LIMITS = Limits(segment_bytes=2000, journal_bytes=24_000)  # 20,000, and two segments kept free


def token(number: int, size: int = 300) -> str:
    return "t{:05d}.".format(number) + "x" * size


def opened(folder: pathlib.Path, limits: Limits = LIMITS, short: bool = False) -> Journal:
    return Journal(folder, limits, lambda _, __: short)


def fill(journal: Journal, count: int, of_interest: bool = True) -> List[Gap]:
    gaps: List[Gap] = []
    for _ in range(count):
        gaps += journal.append(token(journal.next_seq), of_interest, 3)
    return gaps


def kill(journal: Journal) -> None:
    """As a power cut would: no clean stop is written."""
    journal._files.close()


def held(journal: Journal) -> List[int]:
    """What no receipt covers."""
    return [stored.seq for stored in journal.read(journal.receipted + 1, journal.next_seq - 1, 10_000, 1 << 30)]


def newest(folder: pathlib.Path) -> pathlib.Path:
    return sorted(folder.glob("*.journal"))[-1]


def test_a_new_journal_begins_a_chain_at_one(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path)
    assert (journal.next_seq, journal.prev, journal.first, journal.was_clean) == (1, ZERO_HASH, True, True)
    journal.close()


def test_after_a_clean_stop_everything_goes_on(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path)
    fill(journal, 20)
    chain = journal.chain
    journal.heard(7, [])
    journal.close()
    again = opened(tmp_path)
    assert (again.chain, again.next_seq, again.prev) == (chain, 21, token_hash(token(20)))
    assert again.was_clean and not again.first and not again.found
    assert held(again) == list(range(8, 21)) and again.receipted == 7
    again.close()


def test_after_an_unclean_stop_numbers_that_may_have_left_are_skipped_and_stated(tmp_path: pathlib.Path) -> None:
    """A number that was used twice would make an honest robot look like a copied key."""
    journal = opened(tmp_path)
    fill(journal, 5)
    kill(journal)
    again = opened(tmp_path)
    assert not again.was_clean and again.next_seq == 5 + 64 + 1
    assert [(gap.from_seq, gap.to_seq) for gap in again.found] == [(6, 69)]
    assert again.prev == token_hash(token(5))
    again.close()


def test_a_tail_torn_at_any_byte_loses_no_whole_record(tmp_path: pathlib.Path) -> None:
    base = tmp_path / "base"
    journal = opened(base, Limits())
    fill(journal, 3)
    whole = newest(base).read_bytes()
    fill(journal, 1)
    full = newest(base).read_bytes()
    kill(journal)
    for length in range(len(whole), len(full)):
        folder = tmp_path / str(length)
        folder.mkdir()
        (folder / newest(base).name).write_bytes(full[:length])
        again = opened(folder, Limits())
        assert held(again) == [1, 2, 3] and again.next_seq > 4
        fill(again, 1)
        assert held(again)[:3] == [1, 2, 3] and len(held(again)) == 4
        again.close()


def test_a_damaged_place_costs_only_what_it_hit_and_is_stated(tmp_path: pathlib.Path) -> None:
    base = tmp_path / "base"
    journal = opened(base, Limits())
    fill(journal, 6)
    journal.close()
    data = newest(base).read_bytes()
    for place in range(60, len(data) - 30, 41):
        folder = tmp_path / str(place)
        folder.mkdir()
        spoilt = bytearray(data)
        spoilt[place] ^= 0xFF
        (folder / newest(base).name).write_bytes(bytes(spoilt))
        again = opened(folder, Limits())
        missing = sorted(set(range(1, 7)) - set(held(again)))
        assert len(missing) <= 1
        stated = {seq for gap in again.found for seq in range(gap.from_seq, gap.to_seq + 1)}
        assert all(seq in stated or seq >= again.next_seq - 65 for seq in missing)
        assert again.next_seq > max(held(again))
        again.close()


def test_when_it_is_full_receipted_evidence_goes_first_and_without_a_gap(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path)
    fill(journal, 40)
    journal.heard(30, [])
    assert fill(journal, 25) == []
    assert held(journal) == list(range(31, 66))
    journal.close()


def test_when_it_is_full_noise_goes_before_what_is_of_interest_and_every_loss_is_stated(
    tmp_path: pathlib.Path,
) -> None:
    journal = opened(tmp_path)
    gaps: List[Gap] = []
    for number in range(200):
        gaps += journal.append(token(journal.next_seq), number % 20 == 0, 3)
    here = held(journal)
    gone = sorted(seq for gap in gaps for seq in range(gap.from_seq, gap.to_seq + 1))
    assert sorted(here + gone) == list(range(1, 201)), "each number is here or stated, none twice"
    assert all(gap.lost == 3 * (gap.to_seq - gap.from_seq + 1) for gap in gaps)
    kept_of_interest = [seq for seq in here if seq % 20 == 1]
    assert len(kept_of_interest) > len([seq for seq in gone if seq % 20 == 1])
    assert sum(path.stat().st_size for path in tmp_path.glob("*.journal")) <= LIMITS.journal_bytes
    journal.close()


def test_a_disk_that_must_keep_room_for_the_robot_bounds_the_journal(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path, short=True)
    gaps = fill(journal, 60, of_interest=False)
    assert gaps and len(list(tmp_path.glob("*.journal"))) <= 2
    journal.close()


def test_a_host_that_was_restored_is_told_again(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path)
    fill(journal, 10)
    journal.heard(9, [])
    assert held(journal) == [10]
    journal.heard(4, [], forget=True)
    assert held(journal) == [5, 6, 7, 8, 9, 10]
    journal.close()


def test_a_new_chain_hands_back_what_no_receipt_covers(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path)
    fill(journal, 10)
    journal.heard(8, [])
    old, prev = journal.chain, journal.prev
    journal.start_chain()
    assert [stored.seq for stored in journal.left(9, 1 << 20)] == [9, 10]
    assert journal.chain != old and (journal.next_seq, journal.prev) == (1, prev)
    fill(journal, 2)
    journal.close()
    again = opened(tmp_path)
    assert held(again) == [1, 2] and again.chain == journal.chain
    (first, last) = again.left(9, 1 << 20)
    again.append(token(again.next_seq), True, 3, Place(first.chain, first.seq))
    assert again.left(9, 1 << 20) == [last], "what is stated again is handed back no more"
    again.close()
    third = opened(tmp_path)
    assert third.left(9, 1 << 20) == [last]
    third.close()


def carry(journal: Journal, most: int) -> None:
    """State again what is left of an earlier chain, at most so many tokens."""
    for stored in journal.left(most, 1 << 20):
        journal.append(token(journal.next_seq), True, 3, Place(stored.chain, stored.seq))


def test_what_was_stated_again_is_not_a_third_time_where_the_card_lost_that_it_was(tmp_path: pathlib.Path) -> None:
    """The host would hold it twice in one chain, as if it had happened twice. Each later segment says how far it is."""
    journal = opened(tmp_path)
    fill(journal, 10)
    journal.heard(8, [])
    journal.start_chain()
    carry(journal, 9)
    carrying = newest(tmp_path)
    fill(journal, 12)
    kill(journal)
    assert newest(tmp_path) != carrying
    carrying.write_bytes(b"\xff" * carrying.stat().st_size)
    again = opened(tmp_path)
    assert again.chain == journal.chain and again.left(9, 1 << 20) == []
    again.close()


def test_what_the_host_had_of_an_earlier_chain_is_known_where_that_chains_end_is_lost(tmp_path: pathlib.Path) -> None:
    """What a receipt had covered must not come again in the next chain: it is in the ledger."""
    journal = opened(tmp_path)
    fill(journal, 18)
    journal.heard(17, [])
    ended = newest(tmp_path)
    journal.start_chain()
    fill(journal, 2)
    kill(journal)
    ended.unlink()
    assert len(list(tmp_path.glob("*.journal"))) > 2, "more of that chain is there"
    again = opened(tmp_path)
    assert again.left(99, 1 << 20) == []
    again.close()


def test_what_the_host_lost_of_an_earlier_chain_is_handed_back_also_where_the_card_lost_that_word(
    tmp_path: pathlib.Path,
) -> None:
    """Receipts before said more. The next chain's first segment knows how far the host was when it began."""
    journal = opened(tmp_path)
    fill(journal, 9)
    journal.heard(8, [])
    ended = newest(tmp_path)
    before = ended.stat().st_size
    journal.heard(5, [], forget=True)
    assert ended.stat().st_size > before
    journal.start_chain()
    fill(journal, 2)
    kill(journal)
    os.truncate(str(ended), before)
    again = opened(tmp_path)
    assert again.chain == journal.chain and [stored.seq for stored in again.left(9, 1 << 20)] == [6, 7, 8, 9]
    carry(again, 2)
    kill(again)
    third = opened(tmp_path)
    assert [stored.seq for stored in third.left(9, 1 << 20)] == [8, 9]
    third.close()


def test_how_far_it_is_with_an_earlier_chain_outlives_the_tokens_that_stated_it_again(tmp_path: pathlib.Path) -> None:
    """They go when the host has them; what is left of the earlier chain stays, and is told on from there."""
    journal = opened(tmp_path)
    fill(journal, 5)
    journal.start_chain()
    carry(journal, 2)
    with_carried = newest(tmp_path)
    fill(journal, 10)
    journal.heard(journal.next_seq - 1, [])
    fill(journal, 55)
    assert not with_carried.exists()
    assert [stored.seq for stored in journal.left(9, 1 << 20)] == [3, 4, 5]
    kill(journal)
    again = opened(tmp_path)
    assert [stored.seq for stored in again.left(9, 1 << 20)] == [3, 4, 5]
    again.close()


def test_an_earlier_chain_that_is_found_in_two_places_is_not_signed_again_without_end(tmp_path: pathlib.Path) -> None:
    """Files that were put in from a copy: a robot that filled the ledger with one observation would be worse."""
    journal = opened(tmp_path)
    fill(journal, 2)
    first = newest(tmp_path)
    journal.start_chain()
    fill(journal, 2)
    kill(journal)
    second = newest(tmp_path)
    for number, path in enumerate((first, second), 8):
        shutil.copy(str(path), str(tmp_path / "{:010d}.journal".format(number)))
    again = opened(tmp_path)
    for _ in range(6):
        carry(again, 1)
    assert again.left(9, 1 << 20) == []
    again.close()


def test_when_it_is_full_what_arrived_beyond_a_hole_goes_first_and_without_a_gap(tmp_path: pathlib.Path) -> None:
    """A hole that stays open must not make the robot drop what nobody else has."""
    journal = opened(tmp_path)
    fill(journal, 40)
    journal.heard(1, [(3, 30)])
    gaps = fill(journal, 25)
    assert gaps == [] and {2, *range(31, 66)} <= set(held(journal)) and 10 not in held(journal)
    journal.close()


def test_when_it_is_full_what_is_left_of_an_earlier_chain_is_stated_without_its_numbers(tmp_path: pathlib.Path) -> None:
    """They would mean other tokens in the present chain."""
    journal = opened(tmp_path)
    fill(journal, 20)
    journal.start_chain()
    gaps = fill(journal, 60)
    assert {(gap.from_seq, gap.to_seq) for gap in gaps if gap.from_seq is None} == {(None, None)}
    assert sum(gap.lost or 0 for gap in gaps if gap.from_seq is None) == 3 * (20 - len(journal.left(99, 1 << 20)))
    journal.close()


def test_numbers_that_the_host_holds_and_the_disk_lost_are_never_used_again(tmp_path: pathlib.Path) -> None:
    """The file with the newest tokens is gone, what the host said is not."""
    journal = opened(tmp_path)
    fill(journal, 30)
    journal.heard(30, [])
    fill(journal, 1)
    journal.close()
    for path in sorted(tmp_path.glob("*.journal"))[:-1]:
        path.unlink()
    newest(tmp_path).write_bytes(newest(tmp_path).read_bytes()[:200])  # its beginning: what the host holds
    again = opened(tmp_path)
    assert again.next_seq > 31 and not again.was_clean
    again.close()


class CountingDisk(Disk):
    """Counts the bytes that are read."""

    read_bytes = 0

    def read_part(self, path: pathlib.Path, begin: int, size: int) -> bytes:
        self.read_bytes += size
        return super().read_part(path, begin, size)

    def read(self, path: pathlib.Path) -> bytes:
        raise AssertionError("a whole file")


def test_one_token_is_found_without_reading_its_whole_file(tmp_path: pathlib.Path) -> None:
    """A backlog of 256 MiB is read a few tokens at a time, on a board with one slow card."""
    disk = CountingDisk()
    journal = Journal(tmp_path, Limits(), lambda _, __: False, disk)
    fill(journal, 900)
    for seq in (1, 400, 700, 899, 900):
        disk.read_bytes = 0
        assert [stored.seq for stored in journal.read(seq, seq, 1, 1)] == [seq]
        assert 0 < disk.read_bytes < 70_000
    journal.close()


def test_damage_in_one_part_of_a_file_leaves_the_others_readable(tmp_path: pathlib.Path) -> None:
    base = tmp_path / "base"
    journal = opened(base, Limits())
    for _ in range(20):
        journal.append(token(journal.next_seq, 30_000), True, 1)
    journal.close()
    data = newest(base).read_bytes()
    for place in range(0, len(data), 47_000):
        folder = tmp_path / str(place)
        folder.mkdir()
        spoilt = bytearray(data)
        spoilt[place] ^= 0xFF
        (folder / newest(base).name).write_bytes(bytes(spoilt))
        again = opened(folder, Limits())
        missing = set(range(1, 21)) - set(held(again)) if again.chain == journal.chain else set()
        stated = {seq for gap in again.found for seq in range(gap.from_seq or 0, (gap.to_seq or 0) + 1)}
        assert len(missing) <= 1 and missing <= stated | {20}
        again.close()


def test_the_hash_of_an_old_token_is_found_while_it_is_here(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path)
    fill(journal, 30)
    assert journal.hash_at(3) == token_hash(token(3))
    assert journal.hash_at(30) == token_hash(token(30))
    assert journal.hash_at(0) == ZERO_HASH and journal.hash_at(31) is None
    journal.close()


def test_what_is_read_is_bounded_in_number_and_bytes(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path)
    fill(journal, 30)
    assert [stored.seq for stored in journal.read(5, 30, 3, 1 << 20)] == [5, 6, 7]
    assert [stored.seq for stored in journal.read(5, 6, 30, 1 << 20)] == [5, 6]
    assert [stored.seq for stored in journal.read(1, 30, 30, 700)] == [1, 2]
    assert [stored.seq for stored in journal.read(1, 30, 30, 1)] == [1], "one that is larger than the window still goes"
    assert journal.read(31, 40, 30, 1 << 20) == []
    journal.close()


def test_what_arrived_beyond_a_hole_is_known_after_a_restart(tmp_path: pathlib.Path) -> None:
    """Also when the segment in which it was told has gone."""
    journal = opened(tmp_path)
    fill(journal, 12)
    journal.heard(2, [(5, 6), (9, 9)])
    fill(journal, 30)
    kill(journal)
    again = opened(tmp_path)
    assert again.receipted == 2 and again.at_host.spans == [(5, 6), (9, 9)]
    assert [(gap.from_seq, gap.lost) for gap in again.found] == [(43, 0)], "nothing is missing but skipped numbers"
    again.close()


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be kept"):
        opened(tmp_path / "file" / "journal")


class Failing(Disk):
    """The real disk, until `fails` says which error the next operation of which name gives."""

    def __init__(self) -> None:
        self.fails: Dict[str, int] = {}

    def _may_fail(self, what: str) -> None:
        if what in self.fails:
            raise OSError(self.fails[what], os.strerror(self.fails[what]))

    def create(self, path: pathlib.Path, mode: int = 0o600) -> int:
        self._may_fail("create")
        return super().create(path, mode)

    def write(self, fd: int, data: bytes) -> None:
        if "write" in self.fails:
            super().write(fd, data[: len(data) // 2])
        self._may_fail("write")
        super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._may_fail("sync")
        super().sync(fd)

    def truncate(self, fd: int, size: int) -> None:
        self._may_fail("truncate")
        super().truncate(fd, size)

    def unlink(self, path: pathlib.Path) -> None:
        self._may_fail("unlink")
        super().unlink(path)

    def read(self, path: pathlib.Path) -> bytes:
        self._may_fail("read")
        return super().read(path)


DISK_FAULTS = {
    "full": {"write": errno.ENOSPC, "create": errno.ENOSPC},
    "full for new files": {"create": errno.ENOSPC},
    "half a write cannot be cut off": {"write": errno.EIO, "truncate": errno.EIO},
    "read-only": dict.fromkeys(("write", "create", "truncate", "sync", "unlink"), errno.EROFS),
    "sync fails": {"sync": errno.EIO},
}


@pytest.mark.parametrize("fault", DISK_FAULTS.values(), ids=DISK_FAULTS)
def test_whatever_a_disk_refuses_is_refused_in_words_and_afterwards_all_goes_on(
    tmp_path: pathlib.Path, fault: Dict[str, int]
) -> None:
    """An error of the disk ends neither the agent nor what was kept before; once it is over, tokens are kept again."""
    disk = Failing()
    journal = Journal(tmp_path, Limits(segment_bytes=2000), lambda _, __: False, disk)
    kept: List[int] = []
    gone: List[Gap] = []
    for number in range(1, 60):
        disk.fails = fault if number % 10 in (3, 4, 5) else {}
        seq = journal.next_seq
        try:
            gone += fill(journal, 1)
        except JournalError as error:
            assert str(tmp_path) in str(error)
        else:
            kept.append(seq)
        if number % 10 == 4:
            journal.heard(journal.receipted + 1, [])
    disk.fails = {}
    assert kept == list(range(1, len(kept) + 1)) and len(kept) > 40
    kill(journal)
    again = opened(tmp_path)
    lost = {seq for gap in gone for seq in range(gap.from_seq or 0, (gap.to_seq or 0) + 1)}
    assert held(again) == [seq for seq in kept if seq > again.receipted and seq not in lost]
    assert len(lost) <= 5 * 6, "one segment each time that the disk was full, and only then"
    assert not lost or errno.ENOSPC in fault.values()
    again.close()


class GreedyDisk(MemoryDisk):
    """`is_greedy`: somebody else takes every byte that becomes free."""

    is_greedy = False

    def unlink(self, path: pathlib.Path) -> None:
        super().unlink(path)
        if self.is_greedy:
            self.free = 0


def test_on_a_full_disk_the_journal_lives_on_its_own_room(tmp_path: pathlib.Path) -> None:
    """Others fill the disk: what is receipted makes room for what is new, and the robot is not silent."""
    disk = GreedyDisk(FOLDER)
    journal = Journal(FOLDER, LIMITS, lambda _, __: False, disk)
    fill(journal, 30)
    journal.heard(25, [])
    disk.free = 100
    assert fill(journal, 10) == [] and held(journal) == list(range(26, 41))
    journal.close()


def test_who_eats_what_the_journal_frees_does_not_get_all_of_it(tmp_path: pathlib.Path) -> None:
    """Nothing is receipted and others take each free byte: one segment is tried, not the whole evidence."""
    disk = GreedyDisk(FOLDER)
    journal = Journal(FOLDER, LIMITS, lambda _, __: False, disk)
    fill(journal, 30)
    before = held(journal)
    for _ in range(50):
        disk.free = 0
        disk.is_greedy = True
        with pytest.raises(JournalError):
            fill(journal, 1)
    disk.is_greedy, disk.free = False, None
    gaps = fill(journal, 1)
    gone = sorted(seq for gap in gaps for seq in range(gap.from_seq or 0, (gap.to_seq or 0) + 1))
    assert sorted(held(journal) + gone) == list(range(1, 32)) and len(gone) <= len(before) // 4
    journal.close()


def test_a_full_disk_at_the_start_does_not_keep_the_agent_from_sending(tmp_path: pathlib.Path) -> None:
    disk = MemoryDisk(FOLDER)
    journal = Journal(FOLDER, LIMITS, lambda _, __: False, disk)
    fill(journal, 4)
    disk.free = 0
    again = Journal(FOLDER, LIMITS, lambda _, __: False, disk)
    assert held(again) == [1, 2, 3, 4]
    with pytest.raises(JournalError, match="No space"):
        fill(again, 1)
    disk.free = None
    fill(again, 1)
    assert held(again) == [1, 2, 3, 4, 5 + 64]


@pytest.mark.parametrize("how", ["deleted", "unreadable", "damaged"])
def test_what_goes_while_it_runs_is_stated_and_the_rest_is_sent(tmp_path: pathlib.Path, how: str) -> None:
    """One bad place must not stop what lies behind it, and must not wait for the next start to be told."""
    disk = MemoryDisk(FOLDER)
    journal = Journal(FOLDER, LIMITS, lambda _, __: False, disk)
    fill(journal, 20)
    name = sorted(disk.state)[1]
    if how == "deleted":
        disk.spoil({one: data for one, data in disk.state.items() if one != name})
    elif how == "unreadable":
        disk.unreadable.add(name)
    else:
        disk.spoil({one: data[:500] if one == name else data for one, data in disk.state.items()})
    here = held(journal)
    assert here[0] == 1 and here[-1] == 20 and len(here) < 20
    gaps = fill(journal, 1)
    gone = [seq for gap in gaps for seq in range(gap.from_seq or 0, (gap.to_seq or 0) + 1)]
    assert sorted(here + gone) == list(range(1, 21)) and all(gap.lost is None for gap in gaps)
    assert fill(journal, 1) == [], "once"


def test_a_journal_that_is_deleted_while_it_is_written_is_begun_anew(tmp_path: pathlib.Path) -> None:
    """The open file has no name any more: what goes into it would be read by nobody."""
    journal = opened(tmp_path / "j")
    fill(journal, 3)
    shutil.rmtree(str(tmp_path / "j"))
    assert held(journal) == []
    gaps = fill(journal, 2)
    assert [(gap.from_seq, gap.to_seq, gap.lost) for gap in gaps] == [(1, 3, None)]
    assert held(journal) == [4, 5]
    kill(journal)
    again = opened(tmp_path / "j")
    assert held(again) == [4, 5] and again.chain == journal.chain and again.next_seq > 5
    again.close()


def test_a_segment_whose_beginning_is_damaged_still_counts(tmp_path: pathlib.Path) -> None:
    """Its tokens say themselves of which chain they are."""
    journal = opened(tmp_path)
    fill(journal, 20)
    journal.close()
    for path in sorted(tmp_path.glob("*.journal")):
        data = path.read_bytes()
        path.write_bytes(b"\xff" * 20 + data[20:])
    again = opened(tmp_path)
    assert held(again) == list(range(1, 21)) and again.chain == journal.chain
    again.close()


def test_a_damaged_last_token_before_a_clean_stop_does_not_give_its_number_away(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path, Limits())
    fill(journal, 5)
    journal.close()
    path = newest(tmp_path)
    data = bytearray(path.read_bytes())
    data[-100] ^= 0xFF
    path.write_bytes(bytes(data))
    again = opened(tmp_path, Limits())
    assert held(again) == [1, 2, 3, 4] and again.was_clean and again.next_seq == 6
    assert [(gap.from_seq, gap.to_seq, gap.lost) for gap in again.found] == [(5, 5, None)]
    again.close()
    third = opened(tmp_path, Limits())
    assert third.next_seq == 6 and third.found == again.found
    third.close()


def of_last_file(disk: MemoryDisk, change: Callable[[bytes], bytes]) -> MemoryDisk:
    """The disk as it is when its newest segment came to harm while the agent was off."""
    state = disk.state
    state[max(state)] = change(state[max(state)])
    return MemoryDisk(FOLDER, state)


@pytest.mark.parametrize("chains", [1, 2])
def test_a_clean_stop_says_the_next_number_also_where_nothing_else_of_its_file_can_be_read(chains: int) -> None:
    """A number that was used twice would make an honest robot look like a copied key."""
    disk = MemoryDisk(FOLDER)
    journal = Journal(FOLDER, LIMITS, lambda _, __: False, disk)
    fill(journal, 15)
    if chains == 2:
        journal.start_chain()
        fill(journal, 3)
    chain, following = journal.chain, journal.next_seq
    journal.close()
    spoilt = of_last_file(disk, lambda data: bytes(len(data) - 80) + data[-80:])
    again = Journal(FOLDER, LIMITS, lambda _, __: False, spoilt)
    assert again.chain == chain and again.next_seq == following and again.was_clean
    stated = {seq for gap in again.found for seq in range(gap.from_seq or 0, (gap.to_seq or 0) + 1)}
    assert stated == set(range(1, following)) - set(held(again))


def test_what_the_host_said_tells_of_numbers_that_nothing_else_in_its_file_does() -> None:
    disk = MemoryDisk(FOLDER)
    journal = Journal(FOLDER, LIMITS, lambda _, __: False, disk)
    fill(journal, 12)
    journal.start_chain()
    fill(journal, 2)
    before = len(disk.state[max(disk.state)])
    journal.heard(2, [])
    spoilt = of_last_file(disk, lambda data: b"\xff" * before + data[before:])
    again = Journal(FOLDER, LIMITS, lambda _, __: False, spoilt)
    assert again.chain == journal.chain and again.next_seq > 2 + 64 and again.receipted == 2
    assert [stored.seq for stored in again.left(99, 1 << 20)] == list(range(1, 13)), "of the chain before"


def test_a_first_token_that_came_to_harm_was_used_all_the_same() -> None:
    """It may have left: to go back to the chain before would look like a second robot."""
    disk = MemoryDisk(FOLDER)
    journal = Journal(FOLDER, LIMITS, lambda _, __: False, disk)
    fill(journal, 12)
    journal.start_chain()
    fill(journal, 1)
    spoilt = of_last_file(disk, lambda data: data[: data.rindex(b"WHJ2")] + b"\xff" * 352)
    again = Journal(FOLDER, LIMITS, lambda _, __: False, spoilt)
    assert again.chain == journal.chain and again.next_seq > 1 + 64
    assert [(gap.from_seq, gap.lost) for gap in again.found] == [(1, None)]


def test_numbers_are_skipped_for_all_files_at_the_end_that_cannot_be_read() -> None:
    disk = MemoryDisk(FOLDER)
    limits = Limits(segment_bytes=40_000, journal_bytes=1 << 20)
    journal = Journal(FOLDER, limits, lambda _, __: False, disk)
    fill(journal, 420)
    state = disk.state
    assert len(state) == 4
    for name in sorted(state)[1:]:
        state[name] = b"\xff" * len(state[name])
    again = Journal(FOLDER, limits, lambda _, __: False, MemoryDisk(FOLDER, state))
    assert again.chain == journal.chain and again.next_seq > 420


def test_a_journal_of_which_most_is_rubbish_begins_a_new_chain_and_loses_nothing_that_can_be_read() -> None:
    """How many numbers its files would have held nobody can tell; a number must still fit into what travels."""
    disk = MemoryDisk(FOLDER)
    limits = Limits(segment_bytes=2000, journal_bytes=1 << 20)
    journal = Journal(FOLDER, limits, lambda _, __: False, disk)
    fill(journal, 400)
    state = disk.state
    assert len(state) > 60
    for name in sorted(state)[2:]:
        state[name] = b"\xff" * 4000
    disk = MemoryDisk(FOLDER, state)
    again = Journal(FOLDER, limits, lambda _, __: False, disk)
    assert again.chain != journal.chain and (again.next_seq, again.prev) == (1, ZERO_HASH)
    assert not again.was_clean and [gap.reason for gap in again.found] == ["the journal was damaged beyond reading"]
    fill(again, 1)
    left = again.left(99, 1 << 20)
    assert left and {Place(one.chain, one.seq) for one in left} == {
        Place(left[0].chain, seq) for seq in range(1, len(left) + 1)
    }
    third = Journal(FOLDER, limits, lambda _, __: False, disk)
    assert third.chain == again.chain and third.next_seq == 2 + 64
    assert [one.token for one in third.left(99, 1 << 20)] == [one.token for one in left]


def test_more_zeros_than_a_power_cut_leaves_may_have_been_tokens() -> None:
    """An erase block that a card lost may read as zeros."""
    disk = MemoryDisk(FOLDER)
    journal = Journal(FOLDER, Limits(), lambda _, __: False, disk)
    fill(journal, 300)
    at = disk.state[max(disk.state)].index(b"WHJ2", 8000)
    spoilt = of_last_file(disk, lambda data: data[:at] + bytes(len(data) - at))
    again = Journal(FOLDER, Limits(), lambda _, __: False, spoilt)
    assert again.next_seq > 300 and [gap.lost for gap in again.found] == [None]


def test_skipped_numbers_are_told_apart_from_gone_ones_also_after_the_next_start() -> None:
    """`lost: 0` for a number that was used would deny what the host may hold."""
    disk = MemoryDisk(FOLDER)
    fill(Journal(FOLDER, LIMITS, lambda _, __: False, disk), 5)
    journal = Journal(FOLDER, LIMITS, lambda _, __: False, disk)  # killed before
    begin = len(disk.state[max(disk.state)])
    assert fill(journal, 3) == [] and journal.next_seq == 5 + 64 + 4
    journal.close()
    disk = of_last_file(disk, lambda data: data[:begin] + b"\xff" * (len(data) - begin - 80) + data[-80:])
    for _ in range(3):
        again = Journal(FOLDER, LIMITS, lambda _, __: False, disk)
        found = [(gap.from_seq, gap.to_seq, gap.lost) for gap in again.found]
        assert found == [(6, 69, 0), (70, 72, None)]
        again.close()


def damaged(chance: random.Random, data: bytes) -> bytes:
    """A page of a file reads as nothing, as rubbish, or with one bit turned."""
    begin = chance.randrange(len(data)) // 4096 * 4096
    end = min(begin + 4096, len(data))
    bit = chance.randrange(begin, end)
    turned = data[begin:bit] + bytes([data[bit] ^ 1 << chance.randrange(8)]) + data[bit + 1 : end]
    return data[:begin] + chance.choice((bytes(end - begin), b"\xff" * (end - begin), turned)) + data[end:]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_pages_are_damaged_no_number_is_used_again_and_what_is_gone_is_stated(seed: int) -> None:
    """Chains, clean and unclean stops, receipts, and the damage of up to three files, again and again."""
    chance = random.Random(seed)
    limits = Limits(segment_bytes=6000, journal_bytes=1 << 20)
    for _ in range(40):
        disk = MemoryDisk(FOLDER)
        used: Dict[str, Set[int]] = {}
        for _ in range(chance.randrange(1, 5)):
            journal = Journal(FOLDER, limits, lambda _, __: False, disk)
            assert journal.next_seq > max(used.get(journal.chain, {0}))
            gone = list(journal.found)
            if chance.random() < 0.3:
                journal.start_chain()
                gone = []
            for _ in range(chance.choice((0, 1, 3, 25))):
                used.setdefault(journal.chain, set()).add(journal.next_seq)
                gone += journal.append(token(journal.next_seq, 700), True, 1)
                if chance.random() < 0.5 and journal.next_seq > 2:
                    journal.heard(max(journal.receipted, journal.next_seq - chance.randrange(2, 6)), [])
            stated = {seq for gap in gone if gap.from_seq for seq in range(gap.from_seq, (gap.to_seq or 0) + 1)}
            lacking = {seq for seq in used.get(journal.chain, ()) if not journal.at_host.holds(seq)}
            assert lacking <= {*held(journal), *stated}
            denied = {seq for gap in gone if gap.lost == 0 for seq in range(gap.from_seq or 0, (gap.to_seq or 0) + 1)}
            assert not denied & set(held(journal))
            if chance.random() < 0.5:
                journal.close()
            state = disk.state
            for name in chance.sample(sorted(state)[-4:], min(len(state), chance.randrange(4))):
                state[name] = damaged(chance, state[name])
            disk = MemoryDisk(FOLDER, state)


def test_after_a_clean_stop_the_next_token_names_the_last_also_where_that_is_damaged(tmp_path: pathlib.Path) -> None:
    """The last may have left: a next one that names another would make an honest robot's chain not proven."""
    journal = opened(tmp_path, Limits())
    fill(journal, 5)
    last = journal.prev
    journal.close()
    path = newest(tmp_path)
    data = path.read_bytes()
    begin = data.index(token(3).encode())
    path.write_bytes(data[:begin] + bytes(len(data) - begin - 100) + data[-100:])
    again = opened(tmp_path, Limits())
    assert held(again) == [1, 2] and again.was_clean
    assert (again.next_seq, again.prev) == (6, last)
    again.close()


def test_a_clean_stop_alone_in_its_file_says_where_the_journal_stands(tmp_path: pathlib.Path) -> None:
    """Numbers that the damaged file held must not be used again: they may have left."""
    journal = opened(tmp_path)
    while not journal.next_seq > 5 or len(list(tmp_path.glob("*.journal"))) < 3:
        fill(journal, 1)
    fill(journal, 2)
    stood = journal.chain, journal.next_seq, journal.prev
    journal.close()
    path = newest(tmp_path)
    data = path.read_bytes()
    stop = data.rindex(b"WHJ2")
    assert data.count(b"WHJ2") > 3, "its beginning, tokens and the stop"
    path.write_bytes(b"\xff" * stop + data[stop:])
    again = opened(tmp_path)
    assert (again.chain, again.next_seq, again.prev) == stood and again.was_clean
    again.close()


def test_a_clean_stop_of_a_chain_that_was_not_begun_says_nothing_of_the_one_before(tmp_path: pathlib.Path) -> None:
    """What is damaged of that chain may have left: its numbers are not used again."""
    journal = opened(tmp_path)
    fill(journal, 5)
    chain, path = journal.chain, newest(tmp_path)
    journal.start_chain()
    journal.close()
    data = path.read_bytes()
    path.write_bytes(data[: data.index(token(3).encode())])
    again = opened(tmp_path)
    assert again.chain == chain and again.next_seq > 5 and not again.was_clean
    again.close()


def test_a_stop_as_an_earlier_agent_wrote_it_is_left_alone(tmp_path: pathlib.Path) -> None:
    """It does not say what the next token has to name: that counts as an unclean stop, which costs some numbers."""
    journal = opened(tmp_path)
    fill(journal, 3)
    kill(journal)
    payload = struct.pack("<16sQ", base64url.decode(journal.chain), journal.next_seq)
    header = struct.pack("<4scII", b"WHJ2", b"S", len(payload), zlib.crc32(b"S" + payload))
    with newest(tmp_path).open("ab") as file:
        file.write(header + payload)
    again = opened(tmp_path)
    assert held(again) == [1, 2, 3] and not again.was_clean and again.next_seq > 4
    again.close()


def test_a_lost_end_skips_as_many_numbers_as_may_have_lain_there(tmp_path: pathlib.Path) -> None:
    """64 are not enough where a whole erase block of a card is gone."""
    limits = Limits(segment_bytes=1 << 20)
    journal = opened(tmp_path, limits)
    for _ in range(600):
        journal.append(token(journal.next_seq, 600), True, 1)
    kill(journal)
    path = newest(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[:8000] + b"\xff" * (len(data) - 8000))
    again = opened(tmp_path, limits)
    assert again.next_seq > 600 and max(held(again)) < 20
    (gap,) = again.found
    assert gap.from_seq == max(held(again)) + 1 and gap.to_seq == again.next_seq - 1 and gap.lost is None
    again.close()


def test_a_disk_that_others_fill_takes_what_is_receipted_and_nothing_else(tmp_path: pathlib.Path) -> None:
    """Filling the disk must not be a way to make an offline robot forget what it saw."""
    short = [False]
    journal = Journal(tmp_path, LIMITS, lambda _, __: short[0])
    fill(journal, 40)
    journal.heard(20, [])
    size = sum(path.stat().st_size for path in tmp_path.glob("*.journal"))
    short[0] = True
    assert fill(journal, 1) == [] and held(journal) == list(range(21, 42))
    assert sum(path.stat().st_size for path in tmp_path.glob("*.journal")) < size - 3 * LIMITS.segment_bytes
    gaps = fill(journal, 100)
    assert gaps and sum(path.stat().st_size for path in tmp_path.glob("*.journal")) <= size
    journal.close()


def test_the_journal_is_readable_by_its_owner_only(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path / "j")
    fill(journal, 1)
    journal.close()
    assert (tmp_path / "j").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "j").iterdir())


def test_a_boot_seed_lasts_for_one_boot(tmp_path: pathlib.Path) -> None:
    boot = tmp_path / "boot_id"
    boot.write_text("first\n")
    seed = boot_seed(tmp_path, boot)
    assert boot_seed(tmp_path, boot) == seed
    boot.write_text("second\n")
    assert boot_seed(tmp_path, boot) != seed
    whole = (tmp_path / "boot").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "boot").write_bytes(whole[:length])
        assert len(boot_seed(tmp_path, boot)) == 43


def test_a_boot_seed_on_a_full_disk_lasts_for_one_start(tmp_path: pathlib.Path) -> None:
    """Better a robot that seems to have booted twice than one that is silent."""
    boot = tmp_path / "boot_id"
    boot.write_text("first\n")
    disk = MemoryDisk(FOLDER)
    disk.free = 0
    assert len(boot_seed(FOLDER, boot, disk)) == 43


def test_a_disk_that_fails_while_a_segment_begins_costs_no_number_that_nobody_can_explain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that says nothing would count as damage, and an honest robot would be told to have dropped evidence."""
    disk = MemoryDisk(FOLDER)
    journal = Journal(FOLDER, LIMITS, lambda _, __: False, disk)
    fill(journal, 5)
    write = disk.write

    def fails(fd: int, data: bytes) -> None:
        if disk._open[fd][0]:
            write(fd, data)
        else:
            disk.is_read_only = True
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(disk, "write", fails)
    with pytest.raises(JournalError):
        fill(journal, 5)
    after = MemoryDisk(FOLDER, disk.state)
    again = Journal(FOLDER, LIMITS, lambda _, __: False, after)
    assert again.next_seq > 5 and [gap.lost for gap in again.found] == [0]
    fill(again, 1)
    third = Journal(FOLDER, LIMITS, lambda _, __: False, after)
    assert {gap.lost for gap in third.found} == {0}
