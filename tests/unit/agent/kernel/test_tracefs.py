"""Raw tracepoint pages: a recording of a real kernel's bytes, and the facts that are in them.

A new kernel's quirk is a new file under `recorded/`, not new code.
"""

import json
import pathlib
import struct
from typing import Any, Dict

import pytest

from wachhund_agent.kernel.tracefs import TracefsError, find_tracefs, parse_format, parse_page

RECORDED = sorted((pathlib.Path(__file__).parent / "recorded").glob("tracefs-*.json"))
# <linux/sched.h> of 5.4, as the robot's kernel is expected to print it: fixed names instead of places.
FORK_OF_5_4 = """name: sched_process_fork
ID: 313
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:char parent_comm[16];\toffset:8;\tsize:16;\tsigned:1;
\tfield:pid_t parent_pid;\toffset:24;\tsize:4;\tsigned:1;
\tfield:char child_comm[16];\toffset:28;\tsize:16;\tsigned:1;
\tfield:pid_t child_pid;\toffset:44;\tsize:4;\tsigned:1;
"""


def decoders(recording: Dict[str, Any]) -> Dict[int, Any]:
    made = {}
    for event, text in recording["formats"].items():
        number, decode = parse_format(text)
        made[number] = (event, decode)
    return made


@pytest.fixture(params=RECORDED, ids=lambda path: str(path.stem))
def recording(request: Any) -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads(request.param.read_text(encoding="ascii"))
    return found


def test_a_recorded_page_tells_the_life_of_one_process(recording: Dict[str, Any]) -> None:
    records, missed = parse_page(bytes.fromhex(recording["page"]), decoders(recording))
    mine = [record for record in records if record.fields.get("pid") == recording["pid"]]
    assert [record.event for record in mine] == ["task_newtask", "sched_process_exec", "sched_process_exit"]
    assert not missed
    assert [record.time_ns for record in records] == sorted(record.time_ns for record in records)


def test_a_file_name_arrives_byte_for_byte(recording: Dict[str, Any]) -> None:
    """In the text pipe this name would have split the line and coloured the terminal."""
    records, _ = parse_page(bytes.fromhex(recording["page"]), decoders(recording))
    (name,) = [record.fields["filename"] for record in records if record.event == "sched_process_exec"]
    assert name == b"/tmp/rec/a\n\x1b[31m\xff b"


def test_a_connection_goes_through_its_states(recording: Dict[str, Any]) -> None:
    records, _ = parse_page(bytes.fromhex(recording["page"]), decoders(recording))
    states = [record for record in records if record.event == "inet_sock_set_state"]
    passive = [record for record in states if record.fields["newstate"] == 1 and record.fields["oldstate"] == 3]
    assert [record.fields["sport"] for record in passive] == [recording["port"]]
    assert all(record.flags & 0x10 for record in passive), "made in a softirq: its pid is somebody else's"
    assert passive[0].fields["saddr"] == b"\x7f\0\0\1"


def test_a_page_cut_anywhere_never_breaks_the_reader(recording: Dict[str, Any]) -> None:
    page, known = bytes.fromhex(recording["page"]), decoders(recording)
    whole = len(parse_page(page, known)[0])
    for length in range(len(page)):
        try:
            assert len(parse_page(page[:length], known)[0]) <= whole
        except struct.error:
            pytest.fail("a page of {} bytes broke the reader".format(length))


def test_lost_events_are_marked_in_the_page_header(recording: Dict[str, Any]) -> None:
    page = bytearray(bytes.fromhex(recording["page"]))
    page[11] |= 0x80
    assert parse_page(bytes(page), decoders(recording))[1]


def test_events_of_unknown_ids_are_passed_over(recording: Dict[str, Any]) -> None:
    assert parse_page(bytes.fromhex(recording["page"]), {}) == ([], False)


def test_offsets_come_from_the_format_file_and_not_from_us() -> None:
    """The robot's kernel lays the same event out otherwise than the newest one."""
    number, decode = parse_format(FORK_OF_5_4)
    data = struct.pack("=HBBi16si16si", 313, 0, 0, 7, b"sh", 41, b"sh", 42)
    assert number == 313
    assert decode(data, 0)["child_pid"] == 42


def test_what_is_no_format_file_is_refused() -> None:
    with pytest.raises(TracefsError):
        parse_format("")


def test_where_tracefs_is_not_mounted_it_is_not_found(tmp_path: pathlib.Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("proc /proc proc rw 0 0\n")
    assert find_tracefs(str(mounts)) is None
    mounts.write_text("proc /proc proc rw 0 0\nnodev /sys/kernel/tracing tracefs rw 0 0\n")
    assert find_tracefs(str(mounts)) == "/sys/kernel/tracing"
    assert find_tracefs(str(tmp_path / "none")) is None
