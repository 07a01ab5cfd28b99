"""Posture: what makes the robot easy to enter, from files; never by trying to log in."""

from pathlib import Path
from typing import Dict, List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors.posture import (
    Default,
    Installed,
    OpenDoor,
    PackageScan,
    PostureFiles,
    PostureSense,
    crypt,
    is_in_use,
    shadow_hash,
)
from wachhund_evidence import Observation

PI = Default("pi", "123")
# SHA-512 crypt of "123" and of another word, salt "wachhund": made with openssl passwd -6.
SHA512_123 = crypt("123", "$6$wachhund$")
SHA512_OTHER = crypt("something else", "$6$wachhund$")


def shadow(stored: Optional[str]) -> bytes:
    return "root:*:19000::::::\npi:{}:19000:0:99999:7:::\n".format(stored).encode("ascii")


def looked(sense: PostureSense, start: float, looks: int = 40) -> List[Observation]:
    found = sense.start(start)
    for step in range(looks):
        found += sense.look(start + 1 + step)
    return found


def states(found: List[Observation]) -> Dict[Tuple[object, object], object]:
    return {(one.fields["name"], one.fields["what"]): one.fields["value"] for one in found}


@pytest.mark.parametrize(
    "stored, answer",
    [(SHA512_123, True), (SHA512_OTHER, False), ("", True), ("!", False), ("!" + str(SHA512_123), False), ("*", False)],
)
def test_a_default_password_is_found_by_its_hash(stored: str, answer: bool) -> None:
    assert is_in_use(PI, shadow(stored)) is answer


def test_a_hash_method_that_the_library_does_not_know_is_unknown_and_no_guess() -> None:
    assert is_in_use(PI, shadow("$99$abc$def")) is None


def test_a_user_who_is_not_there_has_no_default_password() -> None:
    assert is_in_use(Default("nobody-here", "123"), shadow(SHA512_123)) is False


@given(st.binary(), st.text())
def test_any_bytes_are_a_shadow_file(content: bytes, user: str) -> None:
    shadow_hash(content, user.encode("utf-8", "replace").decode("utf-8"))


@given(st.lists(st.binary()))
def test_any_bytes_are_a_package_list(pieces: List[bytes]) -> None:
    scan = PackageScan(["*"])
    for piece in pieces:
        scan.feed(piece)
    assert len(scan.end()) <= 64


def test_the_round_tells_each_state_once_and_again_when_it_changes(tmp_path: Path) -> None:
    tunnel, packages, secret = tmp_path / "tunnel", tmp_path / "status", tmp_path / "shadow"
    secret.write_bytes(shadow(SHA512_123))
    packages.write_text(
        "Package: sudo\nStatus: install ok installed\nVersion: 1.8.27-1\n\n"
        "Package: nginx\nStatus: deinstall ok config-files\nVersion: 1.14\n\n"
        "Package: other\nStatus: install ok installed\nVersion: 9\n"
    )
    doors: List[OpenDoor] = [("tcp", 22, "any"), ("tcp", 25484, "loopback")]
    files = PostureFiles(secret, packages, tmp_path / "bluetooth")
    sense = PostureSense([PI], [Installed("NPS", str(tunnel))], ["sudo", "nginx"], lambda: doors, files)
    first = states(looked(sense, 100.0))
    assert first == {
        ("exposed-ports", None): [["tcp", 22, "any"]],
        ("default-password", "pi"): True,
        ("package", "sudo"): "1.8.27-1",
    }
    assert looked(sense, 200.0) == []

    tunnel.write_text("x")
    secret.write_bytes(shadow(SHA512_OTHER) + b"#\n")
    doors.append(("udp", 8082, "lan"))
    assert states(looked(sense, 1000.0)) == {
        ("exposed-ports", None): [["tcp", 22, "any"], ["udp", 8082, "lan"]],
        ("default-password", "pi"): False,
        ("tunnel-installed", "NPS"): True,
    }
    assert sense.coverage().why is None
    sense.close()


def test_what_cannot_be_read_is_said_and_stops_nothing(tmp_path: Path) -> None:
    files = PostureFiles(tmp_path / "none", tmp_path / "none", tmp_path / "none")
    sense = PostureSense([PI], [], ["sudo"], list, files)
    found = looked(sense, 10.0)
    assert ("default-password", "pi") not in states(found)
    why = sense.coverage().why or ""
    assert "default password is in use is unknown" in why and "versions of packages are unknown" in why
    sense.close()


def test_the_password_and_its_hash_never_leave(tmp_path: Path) -> None:
    secret = tmp_path / "shadow"
    secret.write_bytes(shadow(SHA512_123))
    sense = PostureSense([Default("pi", "123")], [], [], list, PostureFiles(secret, tmp_path, tmp_path))
    told = repr(looked(sense, 10.0))
    assert "$6$" not in told and "'123'" not in told
    sense.close()
