"""What a process with an installed agent's user, namespaces and capabilities can read and write; and what docs/flash.md
says that it can.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.robots.systemd_machine import SystemdMachine, hierarchies
from wachhund_agent.kernel import capabilities
from wachhund_agent.privileges import NEEDED

_DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "flash.md"
_HEADING = "### What its user can read and write\n"
_NAMES = {
    capabilities.DAC_READ_SEARCH: "dac_read_search",
    capabilities.SYS_PTRACE: "sys_ptrace",
    capabilities.NET_ADMIN: "net_admin",
    capabilities.NET_RAW: "net_raw",
}
# `paths`: what can be done with each, in the document's words. `writable`: in which directories, of all mounts that are
# not read-only, something can be made, and which other files can be written; devices and sockets are not asked for.
_PROBE = """
import json, os, socket, stat, sys
def done(act, *words):
    try:
        found = act(*words)
    except OSError:
        return False
    if isinstance(found, int):
        os.close(found)
    return True
def connects(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
        one.connect(path)
def writes(path):
    if not os.path.isdir(path):
        return done(os.open, path, os.O_WRONLY)
    made = os.path.join(path, ".wachhund-probe")
    if not done(os.open, made, os.O_WRONLY | os.O_CREAT | os.O_EXCL):
        return False
    os.unlink(made)
    return True
def can(path):
    if path.endswith((".socket", "_socket", "/private")) and not os.path.isdir(path):
        return "connects" if done(connects, path) else "nothing"
    words = ["reads"] if done(os.open, path, os.O_RDONLY | os.O_NONBLOCK) else []
    words += ["writes"] if writes(path) else []
    return ", ".join(words) or "nothing"
def may(path):
    return os.access(path, os.W_OK, effective_ids=True)
writable = set()
for line in open("/proc/self/mountinfo"):
    fields, _, rest = line.partition(" - ")
    fields = fields.split()
    if "ro" in fields[5].split(",") or "ro" in rest.split()[-1].split(","):
        continue
    top = os.stat(fields[4]) if os.path.exists(fields[4]) else None
    for where, folders, files in os.walk(fields[4]) if top else ():
        if os.lstat(where).st_dev != top.st_dev:
            folders[:] = []
        elif may(where):
            writable.add(where)
            folders[:] = []
        else:
            whole = [os.path.join(where, name) for name in files]
            writable |= {one for one in whole if stat.S_ISREG(os.lstat(one).st_mode) and may(one)}
asked = json.loads(sys.argv[1])
print(json.dumps({"paths": {path: can(path) for path in asked}, "writable": sorted(writable)}))
"""


@dataclass(frozen=True)
class Row:
    """A path of the document, and what is said of it: `senses` for the thread that senses, `others` for the others."""

    path: str
    senses: str
    others: str


@dataclass(frozen=True)
class Reach:
    """`paths`: what can be done with each that was asked for. `writable`: all places that can be written."""

    paths: Mapping[str, str]
    writable: frozenset[str]


def documented(placeholders: Mapping[str, str]) -> list[Row]:
    """The rows of docs/flash.md; `placeholders`: what stands for a word of a path."""
    section = _DOCUMENT.read_text(encoding="utf-8").split(_HEADING)[1].split("\n#")[0]
    rows = []
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for path in re.findall("`(/[^`]+)`", cells[0]) if line.startswith("| `") else []:
            for word, value in placeholders.items():
                path = path.replace(word, value)
            rows.append(Row(path, cells[1], cells[2]))
    return rows


def reach(robot: SystemdMachine, pid: int, here: str, paths: list[str], has_capabilities: bool) -> Reach:
    """By a process beside the agent, with or without what its sensing thread keeps: in its namespaces, and its group,
    which decides of devices. `pid`: of the agent, as the robot counts; `here`: as this machine does.
    """
    said = robot.path(f"/proc/{pid}/status").read_text()
    uid = said.split("Uid:")[1].split()[0]
    groups = said.split("Groups:")[1].split("\n")[0].split()
    caps = ",".join(f"+{_NAMES[one]}" for one in NEEDED) if has_capabilities else "-all"
    groups_of_it = [f"{hierarchy}{where}/cgroup.procs" for hierarchy, where in hierarchies(here)]
    done = robot.run(
        "sh", "-c", 'while [ "$1" != -- ]; do echo $$ > "$1"; shift; done; shift; exec "$@"', "sh", *groups_of_it, "--",
        "nsenter", "-t", str(pid), "-m", "-r", "-w", "setpriv", f"--reuid={uid}", f"--regid={uid}",
        f"--groups={','.join(groups)}", f"--inh-caps={caps}", f"--ambient-caps={caps}", "--no-new-privs",
        "python3", "-I", "-S", "-c", _PROBE, json.dumps(paths),
    )  # fmt: skip
    found = json.loads(done.stdout)
    return Reach(found["paths"], frozenset(found["writable"]))
