"""The list of kernel modules: any bytes, none at all. What is told of it: test_persistence.py."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.kernel import procfs
from wachhund_agent.sensors.kernel_modules import EACH_S, KernelModules, parse_modules


def test_a_list_that_cannot_be_read_for_a_while_is_no_unloading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every module would be told as gone, and then as new."""
    monkeypatch.setattr(procfs, "PROC", str(tmp_path))
    listed, modules = tmp_path / "modules", KernelModules()
    listed.write_bytes(b"tun 53248 2 - Live 0x0\n")
    assert modules.look(0.0) == []
    listed.rename(tmp_path / "away")
    assert modules.look(EACH_S) == []
    (tmp_path / "away").rename(listed)
    assert modules.look(2 * EACH_S) == []


def test_what_the_agents_own_questions_load_is_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look for a relay asks for unix sockets, and a kernel loads unix_diag for that: it was told as a module
    that somebody loaded."""
    monkeypatch.setattr(procfs, "PROC", str(tmp_path))
    listed = tmp_path / "modules"
    listed.write_bytes(b"tun 53248 2 - Live 0x0\n")

    def load() -> None:
        listed.write_bytes(b"unix_diag 16384 0 - Live 0x0\n" + listed.read_bytes())

    modules = KernelModules(load)
    assert modules.look(0.0) == [] and modules.look(EACH_S) == []
    load_another = b"evil 1 0 - Live 0x0\n" + listed.read_bytes()
    listed.write_bytes(load_another)
    (told,) = modules.look(2 * EACH_S)
    assert told.fields["path"] == "evil"


@given(st.binary())
def test_any_bytes_are_a_list_of_modules(data: bytes) -> None:
    parse_modules(data)
