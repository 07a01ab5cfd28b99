"""The installer on a robot with a real systemd, killed when it begins a step."""

import json
import os
import signal
import subprocess
from pathlib import Path

from tests.robots.systemd_machine import SystemdMachine


def kill_at(robot: SystemdMachine, file: str, words: list[str], step: str, given: str = "") -> bool:
    """Kill the installer, with SIGKILL, when it says that it begins a step. Whether it was alive then."""
    process = subprocess.Popen(
        ["nsenter", "-t", str(robot.pid), "-m", "-p", "-i", "-u", "-C", "-r", "-w", "env", "-i",
         "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "sh", f"/mnt/{file}", *words, "--json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdin is not None
    process.stdin.write(given)
    process.stdin.close()
    try:
        for line in process.stdout:
            one = json.loads(line)
            if one["step"] == step and one["state"] == "begun":
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                for child in children:
                    os.kill(int(child), signal.SIGKILL)
                process.wait(60)
                return bool(children)
        raise AssertionError(f"{file}: no step {step}")
    finally:
        process.kill()
        process.wait(60)
        process.stdout.close()
