"""What an owner sends in: whatever a machine can be known by is put wherever the report looks, and is not in it."""

import json
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from wachhund_agent.capability_report import FORMAT, make, write
from wachhund_agent.own_vocabulary import LEFT_OUT, only_own, vocabulary
from wachhund_evidence import Coverage, MisuseError

PLANTED = (
    "kims-rex", "kimberley", "SN-0042-7777", "100000004d2e8f1b", "dc:a6:32:11:22:33", "DC-A6-32-11-22-33", "10.9.8.7",
    "2001:db8::77", "HomeNet-5G", "/home/kimberley", "host.kims-lab.example", "b3c1f0de9a", "1886401",
)  # fmt: skip
KNOWN = vocabulary()


def tree(root: Path) -> Path:
    """A machine's files, with something that names its owner in each text that the report reads."""
    planted = " ".join(PLANTED)
    files = {
        "proc/device-tree/model": "Raspberry Pi Compute Module 4 Rev 1.0 " + planted + "\0",
        "proc/sys/kernel/osrelease": "5.4.83-v8-" + planted.replace(" ", "-") + "\n",
        "proc/meminfo": "MemTotal:        1886401 kB\nMemFree: 1 kB\n",
        "etc/os-release": 'NAME="{0}"\nID=debian\nVERSION_ID="10"\nHOME_URL="{0}"\n'.format(planted),
        "lib/systemd/libsystemd-shared-241.so": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def coverage() -> Dict[str, Coverage]:
    """Senses whose reasons hold what they may: paths, addresses, names, numbers, also in brackets and quotes."""
    why = "{0} is missing; see ({0}), '{0}': Permission denied"
    made = {str(number): Coverage("files", "poll", 1.0, 7, why.format(one)) for number, one in enumerate(PLANTED)}
    made["tcp"] = Coverage("kims-rex", "kims-rex", None, 0, None)
    made["kims-rex"] = Coverage("tracefs", "event")
    return made


def test_nothing_by_which_a_machine_is_known_is_in_it(tmp_path: Path) -> None:
    report = make(None, coverage(), ["reached", "10.9.8.7"], KNOWN, tree(tmp_path))
    # A digest of our own code may hold any few digits.
    text = re.sub("[0-9a-f]{64}", "", json.dumps(report, ensure_ascii=False))
    for planted in PLANTED:
        assert planted not in text
    for part in ("kims", "kimberley", "0042", "dc:a6", "HomeNet", "db8", "10.9"):
        assert part not in text
    why = report["senses"]["[...]"]["why"]
    assert why is None, "a sense that is none of ours keeps its state alone"
    assert report["senses"]["tcp"] == {"state": "other", "source": LEFT_OUT, "interval_s": None, "why": None}


def test_what_it_is_for_is_in_it(tmp_path: Path) -> None:
    """A report that says nothing would also name nobody."""
    senses = {"login": Coverage("logs", "poll", 0.5, 3, "/var/log/kims.log is missing, and no journal runs")}
    report = make("go1", senses, ["refused", "wrong host"], KNOWN, tree(tmp_path))
    wanted: Dict[str, Any] = {
        "format": FORMAT, "profile": "go1", "board": "Raspberry Pi Compute Module 4", "systemd": 241,
        "kernel": {"version": "5.4.83", "flavour": "v8"}, "os": {"id": "debian", "version": "10"}, "memory_mib": 1792,
        "host": ["refused", "wrong host"], "python": ".".join(map(str, sys.version_info[:3])),
    }  # fmt: skip
    assert {name: report[name] for name in wanted} == wanted
    assert report["senses"]["login"] == {
        "state": "poll", "source": "logs", "interval_s": 0.5, "why": "[...] is missing, and no journal runs",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("release", "kernel"),
    [
        ("4.9.201-tegra", {"version": "4.9.201", "flavour": "tegra"}),
        ("5.10.0-30-rt-amd64", {"version": "5.10.0", "flavour": "rt"}),
        ("5.15.32-v8+", {"version": "5.15.32", "flavour": "v8"}),
        ("6.1.0-rt24-rex", {"version": "6.1.0", "flavour": "rt"}),
        ("6.1-rex", {"version": "6.1", "flavour": "other"}),
        ("rex", {"version": "other", "flavour": "other"}),
    ],
)
def test_of_a_kernel_its_numbers_are_told_and_a_word_of_a_list(
    tmp_path: Path, release: str, kernel: Dict[str, str]
) -> None:
    (tree(tmp_path) / "proc/sys/kernel/osrelease").write_text(release + "\n")
    assert make("go1", {}, None, KNOWN, tmp_path)["kernel"] == kernel


def test_a_machine_that_says_nothing_of_itself_has_a_report_too(tmp_path: Path) -> None:
    report = make("generic", {}, None, KNOWN, tmp_path)
    assert (report["board"], report["systemd"], report["memory_mib"], report["host"]) == (None, None, None, None)
    assert report["os"] == {"id": "other", "version": "other"}


def test_every_reason_of_the_agents_own_is_left_as_it_is() -> None:
    for reason in (
        "this machine has no radio: nobody can join it",
        "no Bluetooth in this kernel, or not loaded: only who is paired is seen",
        "Operation not permitted: what crosses this machine is not seen; it needs CAP_NET_RAW",
    ):
        assert only_own(reason, KNOWN) == reason
    assert only_own("what wachhund-is-loved-by (kim) said", KNOWN) == "what [...] ([...]) said"


def test_what_is_only_written_about_the_program_is_no_word_of_its_own(tmp_path: Path) -> None:
    """Sources hold examples in their explanations."""
    (tmp_path / "one.py").write_text('"""About kim."""\nTOLD = "is seen"\n\ndef f():\n    """Of rex."""\n')
    (tmp_path / "two.py").write_bytes(b"\xff not python (")
    known = vocabulary(tmp_path)
    assert {"is", "seen"} <= known and not {"kim", "rex", "About", "python"} & known


def test_no_file_that_is_there_is_written_over(tmp_path: Path) -> None:
    for name in ("file", "link", "folder"):
        path = tmp_path / name
        if name == "file":
            path.write_text("kept")
        elif name == "link":
            path.symlink_to(tmp_path / "elsewhere")
        else:
            path.mkdir()
        with pytest.raises(MisuseError, match="exists already"):
            write(path, {})
    assert (tmp_path / "file").read_text() == "kept" and not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["none/report", "file/report", "x" * 300, "a\0b"])
def test_a_file_that_cannot_be_made_is_one_clear_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MisuseError, match="folder that can be written") as caught:
        write(tmp_path / name, {})
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_no_half_a_report(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys; from wachhund_agent.capability_report import write\n"
        "from wachhund_evidence import MisuseError\n"
        "try: write(pathlib.Path(sys.argv[1]), {'x': 'y' * 100000})\n"
        "except MisuseError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "report")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=60,
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.stdout.endswith("no report was written\n") and not (tmp_path / "report").exists()
