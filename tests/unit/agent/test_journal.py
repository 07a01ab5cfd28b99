"""The journal: evidence survives power cuts, damage and full disks, and what does not survive is stated."""

import os
import pathlib
from typing import Any, List

import pytest

from wachhund_agent.boot_seed import boot_seed
from wachhund_agent.config import Limits
from wachhund_agent.journal import Journal
from wachhund_agent.journal_room import Gap
from wachhund_agent.journal_segment import JournalError
from wachhund_evidence import ZERO_HASH, token_hash

LIMITS = Limits(segment_bytes=2000, journal_bytes=20_000)


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
    journal._segments[-1].close()


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
    journal.forget_heard()
    journal.heard(4, [])
    assert held(journal) == [5, 6, 7, 8, 9, 10]
    journal.close()


def test_a_new_chain_hands_back_what_no_receipt_covers(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path)
    fill(journal, 10)
    journal.heard(8, [])
    old, prev = journal.chain, journal.prev
    journal.start_chain()
    assert [stored.seq for stored in journal.left(10, 1 << 20)] == [9, 10]
    assert journal.chain != old and (journal.next_seq, journal.prev) == (1, prev)
    fill(journal, 2)
    journal.close()
    again = opened(tmp_path)
    assert held(again) == [1, 2] and again.chain == journal.chain
    again.close()


def test_a_new_chain_that_cannot_be_begun_leaves_the_old_one_as_it_was(tmp_path: pathlib.Path) -> None:
    """A disk that takes no new file: the host asks again with its next receipt."""
    journal = opened(tmp_path / "j")
    fill(journal, 3)
    chain = journal.chain
    (tmp_path / "j").rename(tmp_path / "away")
    with pytest.raises(JournalError, match="no new chain"):
        journal.start_chain()
    (tmp_path / "away").rename(tmp_path / "j")
    assert (journal.chain, journal.next_seq, held(journal)) == (chain, 4, [1, 2, 3])
    fill(journal, 1)
    assert held(journal) == [1, 2, 3, 4] and journal.left(10, 1 << 20) == []
    journal.close()


def test_where_no_new_file_can_be_made_the_old_one_goes_on(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path / "j")
    fill(journal, 4)
    (tmp_path / "j").rename(tmp_path / "away")
    fill(journal, 10)
    (tmp_path / "away").rename(tmp_path / "j")
    fill(journal, 10)
    assert held(journal) == list(range(1, 25))
    assert len(list((tmp_path / "j").glob("*.journal"))) > 2
    journal.close()


def test_what_arrived_beyond_a_hole_and_the_hosts_own_word_outlive_a_restart_and_the_files_they_were_in(
    tmp_path: pathlib.Path,
) -> None:
    journal = opened(tmp_path)
    fill(journal, 5)
    journal.heard(1, [(3, 4)])
    journal.heard(1, [(5, 5)])
    journal.keep_receipt("a.b.c")
    kill(journal)
    journal = opened(tmp_path)
    assert (journal.receipted, journal.at_host.spans, journal.receipt) == (1, [(3, 5)], "a.b.c")
    fill(journal, 100)
    assert (tmp_path / "0000000001.journal").exists() is False
    kill(journal)
    journal = opened(tmp_path)
    assert (journal.receipted, journal.at_host.spans, journal.receipt) == (1, [(3, 5)], "a.b.c")
    journal.forget_heard()
    journal.heard(0, [(2, 2)])
    kill(journal)
    journal = opened(tmp_path)
    assert (journal.receipted, journal.at_host.spans) == (0, [(2, 2)])
    journal.close()


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


def test_one_token_is_found_without_reading_its_whole_file(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backlog of 256 MiB is read a few tokens at a time, on a board with one slow card."""
    journal = opened(tmp_path, Limits())
    fill(journal, 900)
    real, read = os.pread, []

    def counted(file: int, size: int, at: int) -> bytes:
        read.append(size)
        return real(file, size, at)

    monkeypatch.setattr(os, "pread", counted)
    for seq in (1, 400, 700, 899, 900):
        read.clear()
        assert [stored.seq for stored in journal.read(seq, seq, 1, 1)] == [seq]
        assert 0 < sum(read) < 70_000
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


def test_a_journal_whose_very_beginning_is_damaged_says_so_and_begins_anew(tmp_path: pathlib.Path) -> None:
    journal = opened(tmp_path)
    fill(journal, 3)
    journal.close()
    data = bytearray(newest(tmp_path).read_bytes())
    data[20] ^= 0xFF
    newest(tmp_path).write_bytes(bytes(data))
    again = opened(tmp_path)
    assert again.first and again.next_seq == 1 and "beginning is damaged" in again.found[0].reason
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


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be kept"):
        opened(tmp_path / "file" / "journal")


def test_a_write_that_fails_leaves_no_half_record(tmp_path: pathlib.Path) -> None:
    """A full disk: what cannot be kept is refused, and the next that can is kept whole."""
    journal = opened(tmp_path, Limits())
    fill(journal, 2)
    real: Any = journal._segments[-1]._file

    class Full:
        def write(self, data: bytes) -> int:
            return int(real.write(data[:10]))

        def fileno(self) -> int:
            return int(real.fileno())

    journal._segments[-1]._file = Full()  # type: ignore[assignment]
    with pytest.raises(JournalError, match="No space"):
        fill(journal, 1)
    journal._segments[-1]._file = real
    fill(journal, 1)
    assert held(journal) == [1, 2, 3] and journal.next_seq == 4
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
    seed = boot_seed(tmp_path, str(boot))
    assert boot_seed(tmp_path, str(boot)) == seed
    boot.write_text("second\n")
    assert boot_seed(tmp_path, str(boot)) != seed
    os.truncate(str(tmp_path / "boot"), 3)
    assert len(boot_seed(tmp_path, str(boot))) == 43
