"""The vendor's tunnel on a robot's file system, as public dumps of a Go1 show it, with programs that really run.

`csclient` and `npc` are copies of a shell: each runs from where the vendor's lies, by a script that waits.
"""

import os
import shutil
from pathlib import Path

from tests.robots.go1.private_files import START_LIST

AUTOSTART = "home/pi/Unitree/autostart"
START_LIST_PATH = f"{AUTOSTART}/.startlist.sh"
UNIT = "CSClientDaemon.service"
WANTED = f"etc/systemd/system/multi-user.target.wants/{UNIT}"
CSCLIENT = "usr/local/zhexi/cloudsail/csclient"
NPC = f"{AUTOSTART}/tunnel/linux_arm64_client/npc"
_LONG_AGO = 1_620_000_000_123_456_789  # ns; a Go1 lives in 2021
# The daemon keeps a worker, as the vendor's does.
_DAEMON = """\
while :; do
  /usr/local/zhexi/cloudsail/csclient /usr/local/zhexi/cloudsail/worker start --mode=worker
  sleep 0.2
done
"""
_WORKER = "while :; do sleep 0.5; done\n"
_SERVICE = """\
[Unit]
Description=CSClientDaemon
[Service]
ExecStart=/usr/local/zhexi/cloudsail/csclient /usr/local/zhexi/cloudsail/daemon start --mode=daemon
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
"""
# It waits for the modem, which never comes here.
_RUN = "#!/bin/bash\nwhile :; do sleep 0.5; done\n"


def furnish(root: Path, uid: int) -> None:
    """Put all of it there; the vendor's autostart belongs to `uid`."""
    shell = shutil.which("dash") or "/bin/sh"
    autostart = root / AUTOSTART
    for folder in (f"{AUTOSTART}/tunnel/linux_arm64_client/conf", "usr/local/zhexi/cloudsail/log",
                   "etc/systemd/system/multi-user.target.wants"):  # fmt: skip
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, text in (
        (START_LIST_PATH, START_LIST),
        (f"{AUTOSTART}/update.sh", "#!/bin/bash\nfor one in $(cat .startlist.sh); do ./$one/$one.sh & done\n"),
        (f"{AUTOSTART}/tunnel/tunnel.sh", "#!/bin/bash\n./run.sh\n"),
        (f"{AUTOSTART}/tunnel/run.sh", _RUN),
        (f"{AUTOSTART}/tunnel/linux_arm64_client/conf/npc.conf", "-server=192.0.2.1:8024\n"),
        ("usr/local/zhexi/cloudsail/daemon", _DAEMON),
        ("usr/local/zhexi/cloudsail/worker", _WORKER),
        ("usr/local/zhexi/cloudsail/stat.yml", "uuid: none\n"),
        (f"etc/systemd/system/{UNIT}", _SERVICE),
    ):
        (root / name).write_text(text)
        (root / name).chmod(0o755 if name.endswith(".sh") else 0o644)
    for name in (CSCLIENT, NPC, f"{AUTOSTART}/tunnel/csclient"):
        shutil.copy(shell, root / name)
    (root / WANTED).symlink_to(f"/etc/systemd/system/{UNIT}")
    (root / START_LIST_PATH).chmod(0o764)
    for path in (autostart, *autostart.rglob("*")):
        os.chown(path, uid, uid)
    for name in (START_LIST_PATH, WANTED, f"etc/systemd/system/{UNIT}"):
        os.utime(root / name, ns=(_LONG_AGO, _LONG_AGO), follow_symlinks=False)
