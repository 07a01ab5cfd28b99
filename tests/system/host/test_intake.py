"""Evidence over a real broker into a real ledger: lies, floods, power cuts, and a disk that is full."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.ports import free_port
from tests.robots.running_host import RunningHost, register
from tests.robots.scripted import OverMqtt, ScriptedRobot
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.held_off import Patience
from wachhund.fleet.host_keys import HostKeys
from wachhund.intake.quota import Quota
from wachhund.ledger import Ledger
from wachhund_evidence import ReceiptClaims, token_hash


@pytest.fixture
def host(tmp_path: Path) -> Iterator[RunningHost]:
    """A host at work."""
    with RunningHost(tmp_path / "data") as running:
        yield running


def test_evidence_is_receipted_at_once_and_then_once_a_second(host: RunningHost) -> None:
    """The first receipt brings the first nonce; the tenth token of a second needs none of its own."""
    mine = host.connect("mine")
    began = time.monotonic()
    mine.send(mine.robot.heartbeat())
    first = mine.receipt(lambda receipt: receipt.seq == 1)
    assert time.monotonic() - began < 1.0
    assert (first.chain, first.head) == (mine.robot.chain, token_hash(mine.robot.made[1]))
    for _ in range(20):
        mine.send(mine.robot.heartbeat())
    last = mine.receipt(lambda receipt: receipt.seq == 21)
    assert last.seen == token_hash(mine.robot.made[21])
    assert len(mine.receipts) <= time.monotonic() - began + 1
    newest = host.ledger.newest(mine.id)
    assert newest is not None and newest.fresh_t is not None


def test_lies_and_rubbish_leave_the_good_ones_around_them_in(host: RunningHost) -> None:
    """One robot forges, replays, alters and floods with rubbish; another goes on as if nothing were."""
    liar, honest = host.connect("liar"), host.connect("honest")
    good = [honest.robot.heartbeat() for _ in range(30)]
    seed = random.Random(7)
    altered = []
    text = liar.robot.heartbeat()
    for _ in range(100):
        data = bytearray(text.encode("ascii"))
        data[seed.randrange(len(data))] ^= 1 << seed.randrange(8)
        altered.append(bytes(data))
    for number, token in enumerate(good):
        liar.send(liar.robot.token(key=honest.robot.key))
        liar.send(good[0])
        liar.send(token, topic_of=honest.id)
        for one in altered[number * 3 : number * 3 + 3]:
            liar.send(one)
        honest.send(token)
    honest.receipt(lambda receipt: receipt.seq == 30)
    assert host.ledger.newest(liar.id) is None
    assert host.ledger.faults(honest.id) == []
    assert len(host.ledger.observations_after(0, 1000)) == 30


@pytest.mark.thorough
def test_a_flood_waits_in_its_robots_journal_and_costs_nobody_else(tmp_path: Path) -> None:
    """Beyond its quota nothing is read and nothing receipted; sent again later it gets in."""
    quota = Quota(tokens_per_s=20, tokens_at_once=50)
    with RunningHost(tmp_path / "data", quota, patience=Patience(limit=float("inf"))) as host:
        loud, quiet = host.connect("loud"), host.connect("quiet")
        for _ in range(500):
            loud.send(loud.robot.heartbeat())
        quiet.send(quiet.robot.heartbeat())
        quiet.receipt(lambda receipt: receipt.seq == 1)
        reached = loud.receipt(lambda receipt: receipt.seq >= 50).seq
        assert reached < 500
        deadline = time.monotonic() + 60
        while reached < 120:
            assert time.monotonic() < deadline
            for seq in range(reached + 1, reached + 33):
                loud.send(loud.robot.made[seq])
            before, wanted = len(loud.receipts), reached
            reached = loud.receipt(lambda receipt, wanted=wanted: receipt.seq > wanted).seq  # type: ignore[misc]
            assert len(loud.receipts) >= before
        refused = host.ledger.rejections()
    assert refused[(loud.id, "quota")].count > 0
    assert (quiet.id, "quota") not in refused


@pytest.mark.thorough
@pytest.mark.of_one_machine  # intake and broker know of each other there: a node has its own patience (0090)
def test_who_floods_is_held_off_for_a_while_and_then_loses_nothing(tmp_path: Path) -> None:
    """Far over its quota its connection is cut, so that it costs nothing; let in again, all that waited gets in."""
    quota, patience = Quota(tokens_per_s=100, tokens_at_once=60), Patience(limit=100, first_s=3)
    host = RunningHost(tmp_path / "data", quota, patience=patience)
    robots = {name: ScriptedRobot() for name in ("loud", "quiet")}
    for name, robot in robots.items():
        host.register(name, robot)
    with host:
        loud, quiet = (host.connect(name, robot) for name, robot in robots.items())
        cut = threading.Event()
        loud.client.on_disconnect = lambda *_: cut.set()
        tokens = [loud.robot.heartbeat() for _ in range(300)]
        for token in tokens:
            loud.send(token)
        assert cut.wait(5)
        quiet.send(quiet.robot.heartbeat())
        quiet.receipt(lambda receipt: receipt.seq == 1)
        deadline = time.monotonic() + 40
        while not any(receipt.seq == 300 for receipt in loud.receipts):
            assert time.monotonic() < deadline
            held = max((receipt.seq for receipt in loud.receipts), default=0)
            if loud.client.is_connected():
                for token in tokens[held : held + 32]:
                    loud.send(token)
            time.sleep(0.5)
        (line,) = host.ledger.chain_line(loud.id)
        assert line.contiguous_seq == line.tokens == 300 and host.ledger.faults(loud.id) == []
        refused, state = host.refused(), host.ledger.robot(loud.id).state
    assert refused[loud.id, "held-off"].count >= 1 and state == "active"
    assert not [reason for robot, reason in refused if robot == quiet.id]


def test_a_rewound_journal_is_a_fork_that_the_robot_can_read_from_its_receipt(host: RunningHost) -> None:
    """`head` is the host's, not the robot's own: from that an agent knows that it was copied or rolled back."""
    mine = host.connect("mine")
    for _ in range(3):
        mine.send(mine.robot.heartbeat())
    mine.receipt(lambda receipt: receipt.seq == 3)
    theirs = dict(mine.robot.made)
    mine.robot.rewind(1)
    other = mine.robot.token(mine.robot.saw("heartbeat", cpu_s=99.0))
    mine.send(other)
    receipt = mine.receipt(lambda receipt: receipt.seen == token_hash(other))
    assert (receipt.seq, receipt.head) == (3, token_hash(theirs[3]))
    assert [fault.what for fault in host.ledger.faults(mine.id)] == ["fork"]


@pytest.mark.thorough
@pytest.mark.of_one_machine  # `wachhund serve` itself; a cluster's kills are in tests/system/cluster
def test_whatever_was_receipted_is_there_after_a_kill_in_the_middle_of_commits(tmp_path: Path) -> None:
    """The host is killed four times without warning while two robots send; no receipt was ever too early.

    SIGKILL shows that no commit is announced before it reached the kernel; that it also reached the disk is
    `synchronous=FULL`, which a test of the ledger's file looks at.
    """
    data, port = DataFolder(tmp_path / "data").make(), free_port()
    robots = [ScriptedRobot(), ScriptedRobot()]
    configs = [register(data, f"robot-{number}", robot, port) for number, robot in enumerate(robots)]
    key = HostKeys.load_or_create(data).key.public_key()
    command = [sys.executable, "-m", "wachhund", "serve", "--data", str(data.path), "--listen", "127.0.0.1:0"]
    receipts: list[list[ReceiptClaims]] = [[], []]
    seed = random.Random(11)
    for _ in range(4):
        with subprocess.Popen([*command, "--broker-listen", f"127.0.0.1:{port}"], stdout=subprocess.PIPE) as host:
            assert host.stdout is not None
            while b"ready" not in host.stdout.readline():
                assert host.poll() is None
            wires = [OverMqtt(robot, config, key) for robot, config in zip(robots, configs, strict=True)]
            stop = threading.Event()

            def send(wire: OverMqtt, stop: threading.Event = stop) -> None:
                for seq in sorted(wire.robot.made)[-200:]:
                    wire.send(wire.robot.made[seq])
                while not stop.wait(0.002):
                    wire.send(wire.robot.heartbeat())

            senders = [threading.Thread(target=send, args=(wire,)) for wire in wires]
            for sender in senders:
                sender.start()
            for wire in wires:
                wire.receipt(lambda receipt: True)
            stop.wait(seed.uniform(0.0, 0.5))
            os.kill(host.pid, signal.SIGKILL)
            stop.set()
            for sender in senders:
                sender.join()
            for wire, got in zip(wires, receipts, strict=True):
                wire.close()
                got.extend(wire.receipts)
    ledger = Ledger.open(data.ledger)
    for robot, config, got in zip(robots, configs, receipts, strict=True):
        (line,) = ledger.chain_line(config["robot"])
        furthest = max(got, key=lambda receipt: receipt.seq)
        assert len(got) >= 4 and furthest.seq > 0
        assert line.contiguous_seq >= furthest.seq
        for receipt in got:
            if receipt.seq:
                stored = ledger.token(config["robot"], receipt.chain, receipt.seq)
                assert stored is not None and stored.hash == receipt.head == token_hash(robot.made[receipt.seq])
        seqs = [one.seq for one in ledger.observations_after(0, 100_000, robot=config["robot"])]
        assert len(seqs) == len(set(seqs)) == line.tokens
    ledger.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


@pytest.mark.of_the_file
@pytest.mark.needs_root("mounts a file system that is soon full")
@pytest.mark.parametrize("broker_beside", [False, True])
def test_a_full_disk_takes_nothing_receipts_nothing_and_heals(
    tmp_path: Path, small_disk: Path, broker_beside: bool
) -> None:
    """One line says so; the robot keeps what has no receipt; with room again all of it gets in.

    A broker on the same disk needs its time: only after some 20 s it is certain that it does not come back by itself.
    """
    (small_disk / "data").mkdir()
    if not broker_beside:
        (tmp_path / "elsewhere").mkdir()
        (small_disk / "data" / "broker").symlink_to(tmp_path / "elsewhere")
    with RunningHost(small_disk / "data", Quota(tokens_per_s=1e6, tokens_at_once=1e6)) as host:
        mine = host.connect("mine")
        mine.send(mine.robot.heartbeat())
        mine.receipt(lambda receipt: receipt.seq == 1)
        fill(small_disk / "ballast")
        deadline = time.monotonic() + 45
        while (fault := host.intake.fault or (broker_beside and host.broker.fault)) is None or fault is False:
            assert time.monotonic() < deadline
            if mine.robot.seq < 300:
                mine.send(mine.robot.token(mine.robot.saw("process.start", puid="1-1", argv=["x" * 4000])))
            time.sleep(0.02)
        assert "\n" not in fault
        assert broker_beside or "the disk is full: free some space" in fault
        (small_disk / "ballast").unlink()
        last = mine.robot.seq
        deadline = time.monotonic() + 60
        while not any(receipt.seq == last for receipt in mine.receipts):
            assert time.monotonic() < deadline
            held = max(receipt.seq for receipt in mine.receipts)
            for seq in range(held + 1, last + 1):
                mine.send(mine.robot.made[seq])
            time.sleep(1.0)
        (line,) = host.ledger.chain_line(mine.id)
        assert line.contiguous_seq == line.tokens == last
        assert host.intake.fault is None and host.broker.fault is None
