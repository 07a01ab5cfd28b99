"""A hardware witness from end to end: its firmware on MicroPython, a pseudo-terminal, a real agent, a real host."""

import html
import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.robots.living import Living
from tests.robots.unix_witness import UnixWitness
from tests.waiting import until
from wachhund.ledger.witness_records import Stand

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="MicroPython's unix port is packaged for Python 3.11 only"
)
PATIENCE_S = 120.0
SILENT_S = 43.0  # of the agent, in the robot that this was made for


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Living]:
    with Living(tmp_path) as made:
        made.run("wachhund", "witness", "make", "pico_w", "--robot", "rex", "--out", "board", "--data", "host")
        yield made


def mounted(living: Living, witness: UnixWitness) -> None:
    """The agent is told its port, and begins."""
    path = living.folder / "agent.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "witness": witness.port}))
    living.start_agent()


def stand(living: Living) -> Stand | None:
    """What the host holds of the witness's last statement."""
    with closing(living.ledger()) as ledger:
        return ledger.witnesses.stand(ledger.witnesses.active()[0].kid)


def found(living: Living) -> list[str]:
    """What was found with the witness, in words."""
    with closing(living.ledger()) as ledger:
        faults = ledger.unread((0, 0, 0), 1000).faults
        return [f"{fault.what}: {fault.detail}" for fault in faults if fault.what.startswith("witness-")]


def has(living: Living, start: str, words: str = "") -> bool:
    return any(one.startswith(start) and words in one for one in found(living))


def speaks(living: Living, witness: UnixWitness) -> None:
    """Its statements are taken, it hears the agent, and the host's confirmations reach it."""
    began = time.time()

    def confirmed() -> bool:
        now = stand(living)
        # The nonce that the folder came with is older than this: a later one came by a confirmation.
        return now is not None and now.beats > 0 and now.fresh_t is not None and now.fresh_t > began

    try:
        until(confirmed, PATIENCE_S, "it is heard, hears, and is confirmed", 0.2)
    except AssertionError as error:
        said = f"board: {witness.said()}: agent: {living.said('agent')}"
        raise AssertionError(f"{error}: {stand(living)}: {said}") from None


def words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def titles(client: httpx.Client) -> set[str]:
    """Of all incidents, without the robot's name."""
    return {one["title"].removesuffix(" on rex") for one in client.get("/api/v1/incidents").json()["items"]}


@pytest.mark.timeout(600)
def test_it_is_heard_from_board_to_page_and_what_it_sees_is_told(living: Living) -> None:
    """Case opened, output used, power gone, memory put back: each made to happen at the board."""
    with UnixWitness(living.folder / "board") as witness:
        mounted(living, witness)
        speaks(living, witness)
        assert found(living) == []
        (code,) = re.findall(r"/login#(\S+)", living.said("host"))
        with httpx.Client(base_url=f"http://127.0.0.1:{living.web}", timeout=60) as client:
            assert client.post("/login", data={"code": code}).status_code == 303
            page = words(client.get("/robots/rex").text)
            assert re.search(r"Witness .* pi-power 1 \d+", page) and "of its start 1. It heard" in page
            assert "Its output is not armed." in page
            flash_of_then = shutil.copytree(living.folder / "board" / "flash", living.folder / "flash-of-then")

            witness.set({"tamper": "1"})
            until(lambda: has(living, "witness-tamper", "opened"), PATIENCE_S, "the case", 0.2)
            assert witness.output == "0"
            witness.set({"armed": "1"})  # by its switch: with the case open it cuts at once
            until(lambda: has(living, "witness-cut"), PATIENCE_S, "the output", 0.2)
            assert witness.output == "1"

            witness.set({"pi-power": "0"})
            until(lambda: has(living, "witness-contradicts", "without power"), PATIENCE_S, "the power", 0.2)

            witness.stop()
            witness.start()
            until(lambda: (now := stand(living)) is not None and now.bootcount == 2, PATIENCE_S, "it starts again", 0.2)
            witness.stop()
            shutil.rmtree(living.folder / "board" / "flash")
            flash_of_then.rename(living.folder / "board" / "flash")
            witness.start()  # its second start once more
            until(lambda: has(living, "witness-back"), PATIENCE_S, "the memory", 0.2)

            expected = {
                "Robot's case opened", "Witness cut its line", "Witness contradicts the agent",
                "Witness goes back, or speaks twice",
            }  # fmt: skip
            # A judge has its own pace: what the ledger noticed is an incident within half a second.
            until(lambda: expected <= titles(client), PATIENCE_S, "each is an incident", 0.2)
            assert "Witness goes back, or speaks twice" in words(client.get("/robots/rex").text)
        assert {one.split(":")[0] for one in found(living)} == {
            "witness-tamper", "witness-cut", "witness-contradicts", "witness-back"
        }  # fmt: skip
        shown = living.run("wachhund", "witness", "show", "rex", "--data", "host")
        assert re.search(r"start 2, statement \d+; armed 1 .*pi-power 0", shown)
        assert witness.said() == "", "its main never ended"


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
def test_what_root_keeps_from_it_and_of_it_is_told_in_real_time(living: Living) -> None:
    """Beats for 43 s, confirmations, then all statements; and a modem at work without a link. Seven minutes."""
    with UnixWitness(living.folder / "board", stranger=True) as witness:
        mounted(living, witness)
        speaks(living, witness)
        witness.set({"modem": "blink"})
        witness.holds_back("B", "R")
        time.sleep(SILENT_S)
        witness.holds_back("R")
        until(lambda: has(living, "witness-contradicts", "did not hear"), PATIENCE_S, "the silence", 0.5)
        until(lambda: has(living, "witness-contradicts", "modem"), PATIENCE_S, "the modem", 0.5)
        assert not has(living, "witness-missing")
        until(lambda: has(living, "witness-stale", "answers a challenge of"), 300, "held back", 0.5)
        witness.holds_back("e")
        until(lambda: has(living, "witness-missing", "no statement"), 300, "missing", 0.5)
        assert {one.split(":")[0] for one in found(living)} == {
            "witness-contradicts", "witness-stale", "witness-missing"
        }  # fmt: skip
        assert witness.said() == ""
