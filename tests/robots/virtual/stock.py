"""What a stock Go1 has beyond a Debian: its daemons' settings, its maker's programs, and what starts them.

The programs are the stand-ins of tests/robots/go1, by the robot's own Python; its start list is the maker's. They start
as on a Go1: pi is logged in on the console by itself, and his session runs the maker's autostart.
"""

import os
from pathlib import Path

from tests.robots.go1 import configuration
from tests.robots.go1.addresses import HIGH_LEVEL, LCM, LCM_GROUP, LOW_LEVEL, MOTORS, MQTT, PI_LAN, UPLOAD
from tests.robots.go1.private_files import INSTALLED, PROGRAMS, START_LIST

# Where programs lie, below the disk's /.
AUTOSTART = "home/pi/Unitree/autostart"
# The maker's tunnel comes as programs that its autostart installs: here a shell that does nothing.
_SHELL = "bin/dash"
_INSTALLERS = (f"{AUTOSTART}/tunnel/csclient", f"{AUTOSTART}/tunnel/linux_arm64_client/npc")
# A tenth of a real robot's rate, and less: each of its instructions is translated here.
_STATE_HZ, _BATTERY_HZ, _TRANSIT_HZ, _LCM_HZ, _KEEP_ALIVE_S = 1, 0.1, 2, 1, 10
_UPDATE = """\
#!/bin/bash
cd /home/pi/Unitree/autostart
sudo iptables -F
sudo iptables -t nat -A POSTROUTING -o wlan1 -j MASQUERADE
for one in $(cat .startlist.sh); do
  [ -x ./$one/$one.sh ] && ./$one/$one.sh &
done
"""
_RUN = "#!/bin/bash\n# Waits for the modem, which never comes here.\nwhile :; do sleep 5; done\n"
_PYTHON = "exec python3 -B"
_STARTS = {
    "updateDependencies": f"{_PYTHON} updateDependencies/startup_uploader.py {UPLOAD}",
    "sportMode": f"sportMode/keep_sport_alive.sh {_KEEP_ALIVE_S} &\n{_PYTHON} sportMode/bin/Legged_sport {HIGH_LEVEL}",
    "appTransit": f"python3 -B appTransit/appTransit.py 8008 {MOTORS} {LOW_LEVEL} {_TRANSIT_HZ} &\n"
    f"{_PYTHON} appTransit/appTransit.py 0 {LCM_GROUP} {LCM} {_LCM_HZ}",
    "programming": f"{_PYTHON} programming/programming.py",
    "bmsMonitor": f"{_PYTHON} bmsMonitor/state_publisher.py {MQTT} {_STATE_HZ} {_BATTERY_HZ}",
    "tunnel": "exec tunnel/run.sh",
}
# The network of its boards ends in itself: no Nano and no motor controller is there.
_SYSTEM = {
    "etc/systemd/network/10-boards.netdev": "[NetDev]\nName=boards\nKind=dummy\n",
    "etc/systemd/network/10-boards.network": f"[Match]\nName=boards\n\n[Network]\nAddress={PI_LAN}/24\n"
    "LinkLocalAddressing=no\nIPv6AcceptRA=no\n\n[Route]\nDestination=224.0.0.0/4\n",
    "etc/tmpfiles.d/nginx.conf": "d /run/nginx 0755 root root -\n",
    "etc/systemd/system/serial-getty@ttyAMA0.service.d/autologin.conf": "[Service]\nExecStart=\n"
    "ExecStart=-/sbin/agetty --autologin pi --noclear --keep-baud 115200 %I dumb\n",
}
_PROFILE = """\
. ~/.profile
if [ "$(tty)" = /dev/ttyAMA0 ]; then
  Unitree/autostart/update.sh < /dev/null > /dev/null 2>&1 &
fi
"""


def files() -> dict[str, tuple[str, int]]:
    """A path below / -> what it holds, and its mode."""
    found = {f"etc/{path}": (text, 0o644) for path, text in configuration.doors().items()}
    found.update({path: (text, 0o644) for path, text in _SYSTEM.items()})
    for place, source in INSTALLED.items():
        if not place.startswith("tunnel/"):
            found[f"{AUTOSTART}/{place}"] = ((PROGRAMS / source).read_text(), 0o755)
    for name, text in _STARTS.items():
        found[f"{AUTOSTART}/{name}/{name}.sh"] = (f"#!/bin/bash\n{text}\n", 0o755)
    found[f"{AUTOSTART}/tunnel/run.sh"] = (_RUN, 0o755)
    found[f"{AUTOSTART}/.startlist.sh"] = (START_LIST, 0o764)
    found[f"{AUTOSTART}/update.sh"] = (_UPDATE, 0o755)
    found["home/pi/.bash_profile"] = (_PROFILE, 0o644)
    return found


def furnish(root: Path) -> None:
    """Write all of it into the folder that becomes a disk; what is below /home/pi is pi's."""
    for path, (text, mode) in files().items():
        _put(root / path, text.encode(), mode)
    for path in _INSTALLERS:
        _put(root / path, (root / _SHELL).read_bytes(), 0o755)
    home = root / "home" / "pi"
    owner = home.stat()
    for place in (home / "Unitree", *(home / "Unitree").rglob("*"), home / ".bash_profile"):
        os.chown(place, owner.st_uid, owner.st_gid)


def _put(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)
