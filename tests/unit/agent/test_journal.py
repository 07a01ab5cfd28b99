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
