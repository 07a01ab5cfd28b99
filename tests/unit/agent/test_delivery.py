"""What leaves next, as a function of time: a real journal, a played host, a clock that the test moves."""

import pathlib
import random
import string
from typing import Callable, Dict, Iterator, List

import pytest

from tests.unit.agent.played_host import PlayedHost
from wachhund_agent.config import Limits
from wachhund_agent.delivery import Delivery, Held
from wachhund_agent.journal import Gap, Journal
from wachhund_evidence import unpack_message

LIMITS = Limits(segment_bytes=20_000)
WINDOW, FRESH = LIMITS.in_flight_tokens, LIMITS.fresh_tokens


class Robot:
    """`sent`: numbers in the order in which they left. `lost`: gaps that it was asked to state."""

    def __init__(self, folder: pathlib.Path, limits: Limits = LIMITS) -> None:
        self.now = 1000.0
        self.folder, self.limits, self.host = folder, limits, PlayedHost()
        self.sent: List[int] = []
        self.lost: List[Gap] = []
        self._open()

    def _open(self) -> None:
        self.journal = Journal(self.folder, self.limits, lambda *_: False)
        self.delivery = Delivery(self.journal, self.limits, 30, self.now)

    def restart(self) -> None:
        """The agent is stopped cleanly, and started again."""
        self.journal.close()
        self._open()

    def make(self, count: int = 1, size: int = 20, of_interest: bool = False) -> int:
        """So many tokens. Returns the number of the last."""
        for _ in range(count):
            seq = self.journal.next_seq
            # Not to be compressed: sizes are what is bounded.
            noise = "".join(random.Random(seq).choices(string.ascii_letters, k=size))
            self.journal.append("t.{}.{}".format(seq, noise), of_interest, 1)
        return self.journal.next_seq - 1

    def leave(self) -> List[int]:
        """What leaves now, into the host's hands."""
        numbers = []
        for one in self.delivery.next(self.now):
            self.host.take(one.seq, unpack_message(one.message))
            numbers.append(one.seq)
        self.sent += numbers
        return numbers

    def lose(self) -> List[int]:
        """What leaves now, and never arrives."""
        return [one.seq for one in self.delivery.next(self.now)]

    def hear(self) -> None:
        """A receipt."""
        self.lost += self.delivery.heard(self.host.whole, self.host.held, self.now)

    def turn(self, seconds: float = 1.0) -> List[int]:
        numbers = self.leave()
        if numbers:
            self.hear()
        self.now += seconds
        return numbers

    def until(self, holds: Callable[[], object], turns: int) -> None:
        while not holds():
            turns -= 1
            assert turns >= 0
            self.turn()

    @property
    def has_all(self) -> bool:
        return self.journal.receipted == self.journal.next_seq - 1


@pytest.fixture
def robot(tmp_path: pathlib.Path) -> Iterator[Robot]:
    made = Robot(tmp_path)
    yield made
    made.journal.close()


def test_what_fits_leaves_in_its_order(robot: Robot) -> None:
    """A storm that is cut into several tokens is one story, and nobody waits for its end."""
    robot.make(WINDOW - FRESH)
    assert robot.leave() == list(range(1, WINDOW - FRESH + 1))


def test_with_a_backlog_the_newest_leave_first_and_then_the_oldest(robot: Robot) -> None:
    last = robot.make(500)
    first = robot.leave()
    assert first[:FRESH] == [last - place for place in range(FRESH)]
    assert first[FRESH:] == list(range(1, len(first) - FRESH + 1))
    assert len(first) == WINDOW - FRESH


def test_what_is_made_while_a_backlog_leaves_does_not_wait_for_it(robot: Robot) -> None:
    """Nor for a receipt: a few places of the window are kept for it."""
    robot.make(500)
    for _ in range(5):
        robot.leave()
        for _ in range(FRESH):
            new = robot.make(of_interest=True)
            assert robot.leave() == [new]
        assert robot.leave() == [], "no more than the window"
        robot.hear()
        robot.now += 1


@pytest.mark.parametrize("count", [1, 25, 33, 700])
def test_a_backlog_leaves_whole_and_each_token_once(robot: Robot, count: int) -> None:
    robot.make(count)
    robot.until(lambda: robot.has_all, count)
    assert sorted(robot.sent) == list(range(1, count + 1))
    assert robot.delivery.held() == Held(0, None) and robot.lost == []
    assert robot.turn(1000) == []


def test_at_most_a_mebibyte_waits_for_a_receipt(robot: Robot) -> None:
    robot.make(27, size=100_000)
    sizes: List[int] = []
    for _ in range(10):
        sizes += [len(one.message) for one in robot.delivery.next(robot.now)]
    assert LIMITS.in_flight_bytes // 2 < sum(sizes) <= LIMITS.in_flight_bytes and len(sizes) < 27


def test_what_the_host_holds_beyond_a_hole_frees_the_window(robot: Robot) -> None:
    """Else 32 tokens behind a single lost one would hold up all others for 30 s."""
    robot.make(10)
    robot.lose()
    robot.delivery.heard(0, [(2, 10)], robot.now)
    robot.make(100)
    assert len(robot.leave()) == WINDOW - FRESH - 1
    robot.now += LIMITS.resend_first_s
    assert robot.leave()[0] == 1, "and the lost one goes again"


def test_what_gets_no_receipt_goes_again_more_and_more_rarely(robot: Robot) -> None:
    robot.make()
    robot.lose()
    times = []
    for _ in range(2000):
        robot.now += 1
        if robot.lose():
            times.append(robot.now - 1000)
    assert times[:5] == [30, 90, 210, 450, 750]


def test_after_a_connection_what_had_no_receipt_goes_again_and_nothing_else(robot: Robot) -> None:
    robot.make(60)
    robot.turn()
    mute = robot.lose()
    robot.delivery.begin_connection()
    again = robot.leave()
    assert set(mute) & set(again) and not set(again) & set(robot.sent[: WINDOW - FRESH])


def test_what_was_not_on_its_way_is_not_believed_to_have_arrived(robot: Robot) -> None:
    """Who copied the key put tokens of his own there: ours are sent all the same, and are forks then."""
    robot.make(100)
    robot.host.tokens = dict.fromkeys(range(30, 90), "another's")
    robot.turn()
    assert robot.journal.receipted == WINDOW - 2 * FRESH
    assert not any(map(robot.journal.at_host.holds, range(30, 90)))
    assert set(range(30, 34)) <= set(robot.leave())


def test_what_arrived_beyond_a_hole_is_not_sent_again_after_a_restart(robot: Robot) -> None:
    """A modem's bytes are paid for, and the battery is pulled twice a day."""
    robot.host.refuses = {1}
    robot.make(200)
    for _ in range(30):
        robot.turn()
    before = set(robot.sent) - {1}
    assert len(before) == 199
    robot.restart()
    robot.host.refuses = set()
    robot.sent.clear()
    robot.until(lambda: robot.has_all, 10)
    assert robot.sent == [1]


def test_a_restored_host_is_sent_what_it_lost(robot: Robot) -> None:
    robot.make(300)
    robot.until(lambda: robot.has_all, 50)
    robot.host.restore(120)
    robot.sent.clear()
    robot.make()
    robot.until(lambda: robot.has_all, 50)
    assert sorted(set(robot.sent)) == list(range(121, 302)) and robot.lost == []


def test_a_restored_host_that_lost_only_what_lay_beyond_a_hole_is_noticed(robot: Robot) -> None:
    """Its number does not go back, but its ranges do."""
    robot.host.refuses = {5}
    robot.make(100)
    for _ in range(10):
        robot.turn()
    robot.host.restore(50)
    robot.host.refuses = set()
    robot.make()
    robot.until(lambda: robot.has_all, 100)
    assert sorted(robot.host.tokens) == list(range(1, 102))


def test_what_a_restored_host_lost_and_the_journal_no_longer_holds_is_stated(tmp_path: pathlib.Path) -> None:
    """Once, with its numbers, and only when all that is still here has arrived: else both wait for ever."""
    robot = Robot(tmp_path, Limits(segment_bytes=2_000, journal_bytes=20_000))
    for _ in range(300):
        robot.make(size=100)
        robot.turn()
    (first,) = [stored.seq for stored in robot.journal.read(1, 300, 1, 1)]
    assert first > 100
    robot.host.restore(50)
    robot.make(size=100)
    for _ in range(60):
        robot.turn()
        robot.make(size=100)
    (gap,) = robot.lost
    assert (gap.from_seq, gap.lost) == (51, None) and gap.to_seq is not None and first - 1 <= gap.to_seq
    robot.host.stated = set(range(51, gap.to_seq + 1))
    robot.turn()
    robot.until(lambda: robot.has_all, 5)
    assert len(robot.lost) == 1
    robot.journal.close()


def test_numbers_that_were_skipped_say_so_themselves(robot: Robot) -> None:
    """The token after them states them: that one is waited for, and nothing is said twice."""
    robot.make(5)
    robot.until(lambda: robot.has_all, 5)
    robot.journal._files.close()  # a power cut
    robot._open()
    seq = robot.make()
    assert seq == 5 + 64 + 1
    robot.host.stated = set(range(6, 70))  # as token 70 says
    assert robot.turn() == [seq] and robot.lost == [] and robot.has_all


def test_a_hole_that_nothing_explains_is_stated_even_if_the_token_that_said_so_is_gone(robot: Robot) -> None:
    """As above, but the host has no word of the skipped numbers: the journal would never drain."""
    robot.make(5)
    robot.until(lambda: robot.has_all, 5)
    robot.journal._files.close()
    robot._open()
    robot.make()
    for _ in range(4):
        robot.turn()
        robot.make()
    assert [(gap.from_seq, gap.to_seq) for gap in robot.lost] == [(6, 69)]


def test_a_token_that_the_host_never_takes_gives_way_and_is_stated_at_last(robot: Robot) -> None:
    """Half an hour later, and a window full of them holds up nothing behind them for longer than 90 s."""
    bad = set(range(3, 3 + WINDOW))
    robot.host.refuses = set(bad)
    last = robot.make(400)
    began = robot.now
    robot.until(lambda: last - len(bad) <= len(robot.host.tokens), 300)
    assert robot.now - began < 200
    assert set(range(1, last + 1)) - set(robot.host.tokens) == bad
    assert robot.delivery.held().from_seq == 3, "the host is told why there is a hole"
    for _ in range(250):
        robot.make()
        robot.turn(10)
        for gap in robot.lost:
            robot.host.stated |= set(range(gap.from_seq or 0, (gap.to_seq or 0) + 1))
    assert robot.host.stated == bad and robot.has_all
    assert sum(gap.lost or 0 for gap in robot.lost) == len(bad), "each once, with its observations"
    assert all("did not take" in gap.reason for gap in robot.lost)
    tries = [robot.sent.count(seq) for seq in bad]
    assert max(tries) <= LIMITS.give_up_tries


def test_what_waits_beside_the_window_is_tried_again_a_few_at_a_time(robot: Robot) -> None:
    """Hundreds of them at once would be a burst that no bound of the window holds."""
    robot.host.refuses = set(range(2, 60))
    last = robot.make(100)
    tries: Dict[int, int] = {}
    most = 0
    for turn in range(1200):
        if turn % 10 == 0:
            robot.make()
        sent = robot.turn()
        for seq in sent:
            tries[seq] = tries.get(seq, 0) + 1
        # The window sends each twice.
        most = max(most, sum(1 for seq in sent if tries[seq] > 2))
    assert most == FRESH
    assert set(range(1, last + 1)) - set(robot.host.tokens) == robot.host.refuses


def test_a_token_that_is_taken_late_is_not_given_up(robot: Robot) -> None:
    robot.host.refuses = {2}
    robot.make(3)
    for _ in range(40):
        robot.make()
        robot.turn(20)
    robot.host.refuses = set()
    for _ in range(20):
        robot.make()
        robot.turn(20)
    assert robot.has_all and robot.lost == []


def test_a_host_that_says_nothing_makes_nobody_give_up(robot: Robot) -> None:
    """A dead host is no reason to leave anything out."""
    robot.make(10)
    for _ in range(100):
        robot.lose()
        robot.now += 300
    assert robot.delivery.held().tokens == 0, "all of it still waits for its receipt"
    robot.hear()
    assert robot.lost == []


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(2, 16))])
def test_whatever_is_lost_cut_restored_or_restarted_all_of_it_arrives(tmp_path: pathlib.Path, seed: int) -> None:
    """A random life. In the end the host holds each token, and nothing was stated as lost."""
    dice = random.Random(seed)
    robot = Robot(tmp_path, Limits(segment_bytes=20_000, modem_day_bytes=dice.choice([20 << 20, 20_000])))
    texts: Dict[int, str] = {}
    for _ in range(60 if seed < 2 else 300):
        for _ in range(dice.choice([0, 1, 1, 2, 30])):
            seq = robot.make(of_interest=dice.random() < 0.1)
            texts[seq] = robot.journal.read(seq, seq, 1, 1)[0].token
        event = dice.random()
        if event < 0.1:
            robot.lose()
        elif event < 0.2:
            robot.delivery.begin_connection()
        elif event < 0.22:
            robot.restart()
        elif event < 0.24:
            robot.host.restore(dice.randint(0, robot.journal.next_seq))
        elif event < 0.3:
            robot.delivery.on_modem = not robot.delivery.on_modem
        robot.turn(dice.choice([0.1, 1.0, 40.0]))
    robot.delivery.on_modem = False
    for _ in range(3000):
        if robot.host.tokens == texts and robot.has_all:
            break
        if not robot.turn(1.0) and robot.has_all:
            seq = robot.make()
            texts[seq] = robot.journal.read(seq, seq, 1, 1)[0].token
    assert robot.host.tokens == texts
    assert robot.lost == []
    robot.journal.close()


def test_a_statement_that_was_lost_itself_is_made_again(robot: Robot) -> None:
    """The token that stated the hole went from a full journal: else nothing of the chain is ever whole again."""
    robot.make(5)
    robot.until(lambda: robot.has_all, 5)
    robot.journal._files.close()  # a power cut
    robot._open()
    for _ in range(40):
        robot.make()
        robot.turn(10)
    told = [(gap.from_seq, gap.to_seq) for gap in robot.lost]
    assert told[0] == (6, 69) and len(told) >= 2, "the host never heard of it"
    robot.host.stated = set(range(6, 70))
    robot.make()
    robot.until(lambda: robot.has_all, 5)
