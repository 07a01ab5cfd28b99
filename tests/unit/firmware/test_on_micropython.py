"""The firmware on MicroPython itself: vectors, memory, time, power cuts, noise. `make firmware` runs the long forms."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.firmware.__main__ import on_a_pico_ms, sizes
from tests.unit.firmware.micropython import LOGIC, run, run_wasm

# Labels of the published file that its own bytes contradict: 367 and 370 are 357 letter by letter, without the padding
# that they speak of; 372 and 373 hold a `?` that RFC 7515 forbids, and say "valid" because some library skips it.
MISLABELLED = {367: "valid", 370: "valid", 372: "invalid", 373: "invalid"}
Run = Callable[..., str]


@pytest.fixture(params=["unix", "wasm"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs a script on one of MicroPython's ports, with room for the vectors."""
    if request.param == "wasm":
        return run_wasm
    return lambda script, *arguments: run(script, *arguments, heap="1m", folder=tmp_path)


@pytest.mark.parametrize("name", sorted(path.stem for path in LOGIC.glob("test_*.py")))
def test_the_logic_behaves_there_as_here(name: str, tmp_path: Path) -> None:
    """The same tests on both interpreters: a board has the other one."""
    assert int(run("run_logic.py", LOGIC, name, folder=tmp_path).split()[-1]) > 3


@pytest.mark.parametrize("name", sorted(path.stem for path in LOGIC.glob("test_*.py")))
def test_the_logic_behaves_on_another_port_as_well(name: str) -> None:
    assert int(run_wasm("run_logic.py", LOGIC, name).split()[-1]) > 3


def test_its_macs_are_those_of_the_published_vectors(vectors: Path, port: Run, tmp_path: Path) -> None:
    """HMAC-SHA-256 is ours there, as boards have no hmac: 174 vectors of Wycheproof, on a board's interpreter."""
    groups = json.loads((vectors / "hmac_sha256_test.json").read_text())["testGroups"]
    tests = [(group["tagSize"] // 4, test) for group in groups for test in group["tests"]]
    file = tmp_path / "vectors"
    file.write_text("".join(f"mac {test['key']} {test['msg'] or '-'}\n" for _, test in tests))
    macs = port("vectors.py", file).split()
    assert len(macs) == len(tests) == 174
    for mac, (digits, test) in zip(macs, tests, strict=True):
        assert (mac[:digits] == test["tag"]) == (test["result"] == "valid"), test["tcId"]


def test_its_tokens_are_those_of_the_published_vectors(vectors: Path, tmp_path: Path) -> None:
    """HS256 tokens of Wycheproof and of RFC 7520, of others' libraries.

    On the unix port alone: the other one's `binascii` is in Python and raises a bare Exception, as no board's does.
    """
    from joserfc.util import urlsafe_b64decode

    groups = json.loads((vectors / "json_web_signature_test.json").read_text())["testGroups"]
    tests = [
        (urlsafe_b64decode(group["private"]["k"].encode()).hex(), test)
        for group in groups
        if group.get("private", {}).get("kty") == "oct"
        for test in group["tests"]
    ]
    file = tmp_path / "vectors"
    tokens = [test["jws"] if isinstance(test["jws"], str) else json.dumps(test["jws"]) for _, test in tests]
    lines = [f"jws {key} {token.encode().hex() or '-'}\n" for (key, _), token in zip(tests, tokens, strict=True)]
    file.write_text("".join(lines))
    found = run("vectors.py", file, heap="1m").split()
    assert len(found) == 40
    for verdict, (_, test) in zip(found, tests, strict=True):
        assert verdict == MISLABELLED.get(test["tcId"], test["result"]), test["tcId"]


def test_a_power_cut_at_any_write_takes_no_count_back(tmp_path: Path) -> None:
    """Below littlefs, at each write and erase, not begun, half done and done; and in the boot after it."""
    cuts = int(run("power_cut.py", 4, heap="8m", folder=tmp_path).split()[-1])
    assert cuts > 200


def test_its_memory_does_not_grow(tmp_path: Path) -> None:
    """31 days' statements at one a 15 minutes, in 100 kB: over the end of the clock's ticks, too."""
    lines = run("long_run.py", 3_000, 900_000, tmp_path).splitlines()
    told = [json.loads(line) for line in lines]
    assert told[-1]["made"] == 3_000 and told[-1]["days"] > 30
    assert told[-1]["heap"] < told[1]["heap"] + 1_024 and told[-1]["heap"] < 60_000
    assert told[-1]["longest"] <= 2_049


def test_a_statement_takes_a_pico_less_than_50_ms(tmp_path: Path) -> None:
    """By both conversions (decision 0076); the largest statement that there is."""
    assert max(on_a_pico_ms(run("speed.py", tmp_path)).values()) < 50


def test_an_interrupt_allocates_nothing() -> None:
    """Within an interrupt the heap is locked: whoever allocates there ends the board."""
    assert run("interrupt.py").split() == ["edges", "70000"]


def test_noise_on_the_wire_is_never_believed() -> None:
    """Damaged, cut, doubled and endless lines."""
    told = run("fuzz.py", 5_000, 1).split()
    found = dict(zip(told[::2], told[1::2], strict=False))
    assert found["whole"] == found["believed"] and int(found["whole"]) > 300
    assert int(found["bad"]) == int(found["lines"]) - int(found["whole"])
    assert int(told[-1]) <= int(told[-2]) + 512


@pytest.mark.parametrize("board", ["pico_w", "esp32"])
def test_it_compiles_for_each_board_and_stays_small(board: str, tmp_path: Path) -> None:
    """A board of 264 kB holds code, heap and MicroPython itself."""
    assert 8_000 < sum(sizes(board, tmp_path).values()) < 16_000
