"""The attester: what it signs every host can read, and what it cannot keep it counts."""

import errno
import os
import pathlib
from typing import Any, Iterator, List

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_agent.attester import Attester, gap_note, in_tokens, is_of_interest, lost_note
from wachhund_agent.config import Limits
from wachhund_agent.disk import Disk
from wachhund_agent.journal import Gap, Journal, JournalError, Stored
from wachhund_evidence import (
    MAX_MESSAGE_BYTES,
    ROLLED_BACK,
    EvidenceClaims,
    Observation,
    make_nonce,
    read_evidence,
    thumbprint,
    token_hash,
    ueid_of,
)

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key()
NONCE = make_nonce(b"s" * 32, ueid_of(PUBLIC), 1)


def fact(number: int, kind: str = "process.start", size: int = 10) -> Observation:
    return Observation(kind, 1.5, float(number), "process/tracefs", {"number": number, "argv": ["x" * size]})


@pytest.fixture
def journal(tmp_path: pathlib.Path) -> Iterator[Journal]:
    made = Journal(tmp_path, Limits())
    yield made
    made.close()


@pytest.fixture
def attester(journal: Journal) -> Attester:
    return Attester(journal, KEY, NONCE, "A" * 43, {"code": "c"}, Limits(), wall_s=lambda: 1600000000.9)


def lacking(journal: Journal) -> List[Stored]:
    """What no receipt covers."""
    return journal.read(journal.receipted + 1, journal.next_seq - 1, 10_000, 1 << 30)


def kept(journal: Journal) -> List[EvidenceClaims]:
    keys = {thumbprint(PUBLIC): PUBLIC}
    return [read_evidence(stored.token, keys, ueid_of(PUBLIC)) for stored in lacking(journal)]


def test_tokens_are_numbered_and_each_names_the_one_before(attester: Attester, journal: Journal) -> None:
    for number in range(3):
        attester.attest([fact(number)])
    claims = kept(journal)
    texts = [stored.token for stored in lacking(journal)]
    assert [claim.seq for claim in claims] == [1, 2, 3]
    assert [claim.prev for claim in claims[1:]] == [token_hash(text) for text in texts[:-1]]
    assert {claim.chain for claim in claims} == {journal.chain}
    assert claims[0].obs == (fact(0),) and claims[0].iat == 1600000000 and claims[0].eat_nonce == NONCE


def test_a_storm_is_cut_into_tokens_that_a_host_takes(attester: Attester, journal: Journal) -> None:
    facts = [fact(number, size=900) for number in range(2500)]
    made = attester.attest(facts)
    claims = kept(journal)
    assert made == len(claims) > 10
    assert [observation for claim in claims for observation in claim.obs] == facts
    assert all(len(stored.token) <= MAX_MESSAGE_BYTES for stored in lacking(journal))


def test_a_token_never_holds_more_observations_than_the_protocol_allows() -> None:
    sizes = [len(batch) for batch in in_tokens([fact(number, size=1) for number in range(4100)], Limits())]
    assert sum(sizes) == 4100 and max(sizes) <= 2000


def test_what_no_host_could_read_is_never_queued_but_said(attester: Attester, journal: Journal) -> None:
    """A sensor of ours that made nonsense must not stop the evidence behind it."""
    attester.attest([fact(1), Observation("", 1.0, 1.0, "broken", {}), fact(2)])
    told = [observation for claim in kept(journal) for observation in claim.obs]
    assert [observation.kind for observation in told] == ["process.start", "agent.gap", "process.start"]
    assert told[1].fields["lost"] == 1 and "observation" in told[1].fields["reason"]


def test_what_cannot_be_kept_is_counted_and_stated_when_it_can(
    attester: Attester, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise JournalError("j: not written: No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(journal, "append", full)
        assert attester.attest([fact(1), fact(2)]) == 0
        assert attester.attest([fact(3)]) == 0
        assert attester.trouble is not None and "No space" in attester.trouble
    attester.attest([fact(4)])
    (claims,) = kept(journal)
    assert claims.obs[0].kind == "agent.gap" and claims.obs[0].fields["lost"] == 3
    assert claims.obs[1] == fact(4) and claims.seq == 1 and attester.trouble is None


def test_what_is_gone_is_stated_also_when_the_statement_could_not_be_kept_at_first(
    attester: Attester, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers that nobody states would make the host wait for them, and then call the robot broken."""

    def full(*_: Any) -> Any:
        raise JournalError("j: not written: No space left on device")

    gap, counted = gap_note(Gap(3, 9, 7, "journal full"), 1.0), lost_note(5, "the agent's queue was full", 1.0)
    with monkeypatch.context() as disk:
        disk.setattr(journal, "append", full)
        assert attester.attest([fact(1), gap, counted]) == 0
    attester.attest([])
    (claims,) = kept(journal)
    assert claims.obs[0].fields["lost"] == 6, "one observation, and the five that were counted"
    assert claims.obs[1:] == (gap,)
    attester.attest([fact(2)])
    assert kept(journal)[1].obs == (fact(2),), "once"


def test_a_count_of_losses_waits_until_its_own_token_is_kept(
    attester: Attester, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later token that is kept must not wipe out what an earlier one was to say."""
    keep, refused = journal.append, [True, True]

    def now_and_then(*arguments: Any) -> Any:
        if refused and refused.pop():
            raise JournalError("j: not written")
        return keep(*arguments)

    monkeypatch.setattr(journal, "append", now_and_then)
    attester.attest([fact(1)])
    large = [fact(number, size=4000) for number in range(2, 62)]
    attester.attest(large)
    attester.attest([])
    lost = [one.fields["lost"] for claims in kept(journal) for one in claims.obs if one.kind == "agent.gap"]
    told = sum(1 for claims in kept(journal) for one in claims.obs if one.kind == "process.start")
    assert sum(lost) + told == 61 and sum(lost) > 1


def test_a_new_chain_says_why_and_signs_again_what_was_not_receipted(attester: Attester, journal: Journal) -> None:
    for number in range(1, 6):
        attester.attest([fact(number)])
    journal.heard(1, [(4, 4)])
    first_time = kept(journal)
    before = journal.chain
    attester.accept(make_nonce(b"s" * 32, ueid_of(PUBLIC), 9))
    attester.begin_chain("the host holds another token under this number")
    assert attester.sign_again() == 3 and attester.sign_again() == 0
    claims = kept(journal)
    assert journal.chain != before and [claim.seq for claim in claims] == [1, 2, 3, 4]
    assert claims[0].obs[0].kind == "agent.start" and "another token" in claims[0].obs[0].fields["reason"]
    assert [claim.obs for claim in claims[1:]] == [(fact(2),), (fact(3),), (fact(5),)], "4 arrived"
    assert claims[1].eat_nonce == NONCE != claims[0].eat_nonce, "when it was observed does not change"
    assert claims[1].mono == first_time[0].mono
    assert [claim.prev for claim in claims[1:]] == [token_hash(stored.token) for stored in lacking(journal)[:-1]]


def test_an_earlier_chain_is_signed_again_a_few_at_a_time_and_a_restart_goes_on_with_it(
    tmp_path: pathlib.Path,
) -> None:
    """A month's journal neither fits into memory nor may be lost because the battery was pulled meanwhile."""
    limits = Limits(again_tokens=4, segment_bytes=4000)
    told: List[Observation] = []
    journal = Journal(tmp_path, limits)
    attester = Attester(journal, KEY, NONCE, "A" * 43, {"code": "c"}, limits)
    for number in range(10):
        attester.attest([fact(number)])
    attester.begin_chain("it was rolled back")
    assert attester.sign_again() == 4
    attester.begin_chain("and once more")
    assert attester.sign_again() == 4
    told += [observation for claim in kept(journal) for observation in claim.obs]
    journal.close()
    journal = Journal(tmp_path, limits)
    attester = Attester(journal, KEY, NONCE, "A" * 43, {"code": "c"}, limits)
    while attester.sign_again():
        pass
    keys = {thumbprint(PUBLIC): PUBLIC}
    again = [read_evidence(stored.token, keys, ueid_of(PUBLIC)) for stored in lacking(journal)]
    seen = [
        observation.fields["number"] for claim in again for observation in claim.obs if "number" in observation.fields
    ]
    assert sorted(seen) == list(range(10)), "each once"
    journal.close()


def test_a_full_journal_loses_nothing_when_its_chain_is_signed_again(tmp_path: pathlib.Path) -> None:
    """A month without a host, and then one that was restored: there is room to move a segment, so none is dropped."""
    limits = Limits(segment_bytes=20_000, journal_bytes=200_000)
    journal = Journal(tmp_path, limits, is_short=lambda *_: False)
    attester = Attester(journal, KEY, NONCE, "A" * 43, {"code": "c"}, limits)
    for number in range(400):
        attester.attest([fact(number)])
    first = lacking(journal)[0].seq
    gone = sum(one.fields["lost"] for claim in kept(journal) for one in claim.obs if one.kind == "agent.gap")
    assert first > 100, "it is full"
    attester.begin_chain(ROLLED_BACK)
    seen: List[Observation] = []
    for number in range(1000, 2000):
        if not attester.sign_again():
            break
        attester.attest([fact(number)])
        seen += [one for claim in kept(journal) for one in claim.obs]
        journal.heard(journal.next_seq - 1, [])
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) < limits.journal_bytes
    told = [one.fields["number"] for one in seen if one.kind == "process.start"]
    old = [number for number in told if number < 1000]
    assert old == list(range(old[0], 400)) and old[0] <= first, "each once, in order"
    assert sum(one.fields["lost"] for one in seen if one.kind == "agent.gap") == gone, "and nothing is said to be lost"
    journal.close()


class Filling(Disk):
    """The real disk; once `full`, nothing more fits on it before something went."""

    full = False

    def write(self, fd: int, data: bytes) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(fd, data)

    def unlink(self, path: pathlib.Path) -> None:
        super().unlink(path)
        self.full = False


def test_what_is_signed_again_is_not_said_to_be_lost_when_its_place_goes_meanwhile(tmp_path: pathlib.Path) -> None:
    """A full disk makes room at the cost of the oldest: that is what is signed again just now, one token of it kept."""
    disk = Filling()
    limits = Limits(segment_bytes=4000)
    journal = Journal(tmp_path, limits, disk=disk)
    attester = Attester(journal, KEY, NONCE, "A" * 43, {"code": "c"}, limits)
    for number in range(20):
        attester.attest([fact(number)])
    attester.begin_chain(ROLLED_BACK)
    disk.full = True
    while attester.sign_again():
        pass
    seen = [one for claim in kept(journal) for one in claim.obs]
    told = [one.fields["number"] for one in seen if one.kind == "process.start"]
    lost = sum(one.fields["lost"] for one in seen if one.kind == "agent.gap")
    assert told[0] == 0 and 0 < lost == 20 - len(told), "each was either told or lost"
    journal.close()


class Refusing(Disk):
    """The real disk; while `refuses`, it is read-only."""

    refuses = False

    def create(self, path: pathlib.Path, mode: int = 0o600) -> int:
        if self.refuses:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return super().create(path, mode)

    def write(self, fd: int, data: bytes) -> None:
        if self.refuses:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        super().write(fd, data)


@pytest.mark.parametrize("first", ["what is signed again", "what is new"])
def test_a_chain_that_begins_on_a_disk_that_refuses_still_begins_with_why(tmp_path: pathlib.Path, first: str) -> None:
    """Else the host would call it a new chain without an explanation, and an operator would look for who did it."""
    disk = Refusing()
    journal = Journal(tmp_path, Limits(), disk=disk)
    attester = Attester(journal, KEY, NONCE, "A" * 43, {"code": "c"}, Limits())
    for number in range(3):
        attester.attest([fact(number)])
    before = journal.chain
    disk.refuses = True
    attester.attest([Observation("agent.start", 1.5, 3.0, "agent", {"reason": "after a clean stop"}), fact(3)])
    attester.begin_chain(ROLLED_BACK)
    with pytest.raises(JournalError):
        attester.sign_again()
    assert attester.attest([fact(4)]) == 0 and attester.trouble is not None
    disk.refuses = False
    if first == "what is new":
        attester.attest([fact(5)])
    while attester.sign_again():
        pass
    attester.attest([fact(6)])
    claims = kept(journal)
    assert [claim.seq for claim in claims] == list(range(1, len(claims) + 1))
    (why,) = claims[0].obs
    assert why.kind == "agent.start" and why.fields["reason"] == ROLLED_BACK
    assert (why.fields["chain_before"], why.fields["seq_before"]) == (before, 3)
    told = [one for claim in claims[1:] for one in claim.obs]
    assert [one.fields["reason"] for one in told if one.kind == "agent.start"] == ["after a clean stop"]
    assert {one.fields["number"] for one in told if "number" in one.fields} >= {0, 1, 2, 6}
    assert [one.fields["lost"] for one in told if one.kind == "agent.gap"] == [2], "3 and 4"
    journal.close()


def test_numbers_of_an_earlier_chain_are_not_stated_in_a_later_one(tmp_path: pathlib.Path) -> None:
    """They would mean other tokens there: of a hole that somebody made, the robot itself would say that it is none."""
    disk = Refusing()
    limits = Limits(segment_bytes=4000)
    journal = Journal(tmp_path, limits, disk=disk)
    attester = Attester(journal, KEY, NONCE, "A" * 43, {"code": "c"}, limits)
    for number in range(12):
        attester.attest([fact(number)])
    attester.attest([gap_note(Gap(3, 4, 7, "stated in the old chain"), 1.0)])
    disk.refuses = True
    attester.attest([gap_note(Gap(5, 6, 8, "not kept in the old chain"), 1.0)])
    disk.refuses = False
    sorted(tmp_path.glob("*.journal"))[1].unlink()
    assert len(lacking(journal)) < 13  # found to be gone, and not stated yet
    attester.begin_chain(ROLLED_BACK)
    while attester.sign_again():
        pass
    gaps = [one.fields for claim in kept(journal) for one in claim.obs if one.kind == "agent.gap"]
    assert {gap["lost"] for gap in gaps} == {7, 8, None}
    assert {(gap["from_seq"], gap["to_seq"]) for gap in gaps} == {(None, None)}
    journal.close()


def test_a_receipt_is_shown_once(attester: Attester, journal: Journal) -> None:
    attester.show_receipt("a.b.c")
    attester.attest([fact(1)])
    attester.attest([fact(2)])
    assert [claim.receipt for claim in kept(journal)] == ["a.b.c", None]


def test_a_new_nonce_is_in_the_next_token(attester: Attester, journal: Journal) -> None:
    fresh = make_nonce(b"s" * 32, ueid_of(PUBLIC), 2)
    attester.accept(fresh)
    attester.attest([fact(1)])
    assert kept(journal)[0].eat_nonce == fresh


@pytest.mark.parametrize(
    ("kind", "interesting"),
    [
        ("process.start", True),
        ("relay", True),
        ("flow.open", True),
        ("tail.wag", True),
        ("heartbeat", False),
        ("process.repeat", False),
    ],
)
def test_only_counts_and_ends_may_wait(kind: str, interesting: bool) -> None:
    """A kind that nobody has thought of yet is of interest."""
    assert is_of_interest(fact(1, kind)) is interesting
