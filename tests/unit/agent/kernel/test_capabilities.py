"""What a process may do is read from the kernel and given up for good. Each case is a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from wachhund_agent.kernel import capabilities

AGENT = str(Path(capabilities.__file__).parents[2])


def in_a_child(script: str) -> Dict[str, Any]:
    """What a script prints as JSON, in a fresh Python."""
    begin = "import json, os, subprocess, sys, threading\nfrom wachhund_agent.kernel import capabilities\n"
    done = subprocess.run(
        [sys.executable, "-c", begin + script],
        env=dict(os.environ, PYTHONPATH=AGENT),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: Dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.needs_root("capabilities to give up")
def test_root_keeps_only_what_it_asked_for_and_its_children_no_more() -> None:
    """A child of root would get everything back if nobody told the kernel that it shall not."""
    found = in_a_child(
        "capabilities.keep_only([capabilities.NET_RAW, capabilities.DAC_READ_SEARCH])\n"
        "child = subprocess.check_output(['cat', '/proc/self/status']).decode()\n"
        "print(json.dumps({'left': sorted(capabilities.effective()), 'child': child}))\n"
    )
    assert found["left"] == [capabilities.DAC_READ_SEARCH, capabilities.NET_RAW]
    sets: List[str] = [line.split()[1] for line in found["child"].splitlines() if line.startswith(("CapEff", "CapAmb"))]
    assert [int(one, 16) for one in sets] == [0, 0]
    assert "NoNewPrivs:\t1" in found["child"]


@pytest.mark.needs_root("capabilities to give up")
def test_each_thread_gives_up_its_own() -> None:
    """The thread that speaks to the network keeps nothing, while the one that senses goes on."""
    found = in_a_child(
        "seen = []\n"
        "def work():\n"
        "    capabilities.keep_only([])\n"
        "    seen.append(sorted(capabilities.effective()))\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()\n"
        "print(json.dumps({'thread': seen[0], 'main': len(capabilities.effective())}))\n"
    )
    assert found["thread"] == [] and found["main"] > 10


def test_who_has_none_gives_up_none_and_that_is_no_error() -> None:
    """An ordinary user's agent runs the same code."""
    drop = "os.setuid(65534)\n" if os.geteuid() == 0 else ""
    found = in_a_child(
        drop + "print(json.dumps({'left': sorted(capabilities.keep_only([1, 2])),"
        "'allows': capabilities.allows(capabilities.SYS_ADMIN)}))\n"
    )
    assert found == {"left": [], "allows": False}


def test_a_kernel_that_says_nothing_means_none(tmp_path: Path) -> None:
    """Not knowing must not read as being allowed."""
    odd = tmp_path / "status"
    assert capabilities.effective(str(odd)) == frozenset()
    odd.write_text("CapEff:\tnonsense\n")
    assert capabilities.effective(str(odd)) == frozenset()
