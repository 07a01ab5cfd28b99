"""What the Pi sees instead of the machine's files: made in the robot's folder, mounted in the Pi's own namespace."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.robots.go1 import configuration
from tests.robots.go1.addresses import NAME_SERVER, PHONE, PHONE_MAC

PI_UID = 1000
AUTOSTART = "/home/pi/Unitree/autostart"
PROGRAMS = Path(__file__).parent / "programs"
# Where each stand-in lies on the Pi, below AUTOSTART.
INSTALLED = {
    "sportMode/bin/Legged_sport": "legged_sport.py",
    "sportMode/keep_sport_alive.sh": "keep_sport_alive.sh",
    "appTransit/appTransit.py": "chatter.py",
    "bmsMonitor/state_publisher.py": "state_publisher.py",
    "bmsMonitor/tiny_mqtt.py": "tiny_mqtt.py",
    "programming/programming.py": "programming.py",
    "programming/tiny_mqtt.py": "tiny_mqtt.py",
    "updateDependencies/startup_uploader.py": "startup_uploader.py",
    "tunnel/tunnel.py": "tunnel.py",
}
LOG_DAEMON = "/run/logd.py"
START_LIST = "updateDependencies roscore configNetwork sportMode triggerSport webMonitor appTransit 07obstacle utrack "
START_LIST += "programming tunnel bmsMonitor\n"
_SECRETS = ("shadow", "shadow-", "gshadow", "gshadow-", "ssh", "private", "sudoers", "sudoers.d")

# `extend`: a folder's present entries, in a folder that can be written without touching the machine.
_MOUNTS = """
hostname raspberrypi
mount --bind {folder}/run /run
extend() {{
    new=/run/extended; mkdir -p $new; mount -t tmpfs -o mode=755 tmpfs $new
    for entry in "$1"/*; do
        if [ -d "$entry" ] && ! [ -L "$entry" ]; then
            mkdir "$new/${{entry##*/}}"; mount --rbind "$entry" "$new/${{entry##*/}}"
        elif [ -e "$entry" ] || [ -L "$entry" ]; then
            set -- "$@" "$entry"
        fi
    done
    where=$1; shift
    if [ $# -gt 0 ]; then cp -a "$@" $new/; fi
    mount --move $new "$where"
}}
extend /dev; ln -sf /run/systemd/journal/dev-log /dev/log
extend /usr/local
extend /home; mkdir -p /home/pi; mount --bind {folder}/home /home/pi
mount --bind {folder}/etc /etc
mount --bind {folder}/log /var/log
mount --bind {folder}/misc /var/lib/misc
if [ -d /var/spool/cron ]; then mount --bind {folder}/cron /var/spool/cron; fi
mkdir /run/sys; mount --rbind /sys /run/sys; mount -t sysfs sysfs /sys
for below in kernel/tracing kernel/debug kernel/security fs/cgroup fs/bpf; do
    if mountpoint -q /run/sys/$below; then mount --rbind /run/sys/$below /sys/$below; fi
done
umount -R -l /run/sys
"""


class PrivateFiles:
    """`folder` holds all of them. Only `log` stays when they are removed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.etc, self.home, self.log, self.run = (folder / name for name in ("etc", "home", "log", "run"))
        self.keys, self._misc, self._cron = folder / "keys", folder / "misc", folder / "cron"

    @property
    def login_key(self) -> Path:
        """Opens the account pi."""
        return self.keys / "login"

    def make(self) -> None:
        """Write everything that the Pi has before its first program starts."""
        for place in (self.home, self.log, self.run, self.keys, self._misc, self._cron / "crontabs"):
            place.mkdir(parents=True)
        self.keys.chmod(0o700)
        exclude = [f"--exclude={name}" for name in _SECRETS]
        # tar and not copytree: owners and links stay as they are.
        self.etc.mkdir()
        pack = subprocess.Popen(["tar", "-C", "/etc", *exclude, "-cf", "-", "."], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-C", str(self.etc), "-xf", "-"], stdin=pack.stdout, check=True, timeout=20)
        assert pack.stdout is not None
        pack.stdout.close()
        pack.wait(20)
        self._accounts()
        self._ssh()
        configuration.write(self.etc)
        (self.etc / "hostname").write_text("raspberrypi\n")
        # /etc/resolv.conf may be a link into the machine's /run.
        (self.etc / "resolv.conf").unlink(missing_ok=True)
        (self.etc / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
        (self._misc / "dnsmasq.leases").write_text(f"4102444800 {PHONE_MAC} {PHONE} phone 01:{PHONE_MAC}\n")
        for name in ("utmp", "sshd", "nginx", "systemd/journal", "lock"):
            (self.run / name).parent.mkdir(parents=True, exist_ok=True)
            (self.run / name).touch() if name == "utmp" else (self.run / name).mkdir()
        for name in ("wtmp", "btmp", "lastlog", "auth.log"):
            (self.log / name).touch()
        (self.log / "nginx").mkdir()
        shutil.copy(PROGRAMS / "syslog.py", self.run / Path(LOG_DAEMON).name)
        self._autostart()

    def _accounts(self) -> None:
        passwd = [line for line in (self.etc / "passwd").read_text().splitlines() if line.split(":")[2] != str(PI_UID)]
        names = [line.split(":")[0] for line in passwd]
        passwd.append(f"pi:x:{PI_UID}:{PI_UID}:,,,:/home/pi:/bin/bash")
        (self.etc / "passwd").write_text("\n".join(passwd) + "\n")
        group = [line for line in (self.etc / "group").read_text().splitlines() if line.split(":")[2] != str(PI_UID)]
        (self.etc / "group").write_text("\n".join([*group, f"pi:x:{PI_UID}:"]) + "\n")
        shadow = self.etc / "shadow"
        shadow.touch(0o640)
        shadow.write_text("".join(f"{name}:*:19000::::::\n" for name in (*names, "pi")))

    def _ssh(self) -> None:
        (self.etc / "ssh").mkdir()
        for key in (self.etc / "ssh" / "ssh_host_ed25519_key", self.login_key):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "made for a test", "-f", str(key)]
            subprocess.run(command, check=True, timeout=10)
        own = self.home / ".ssh"
        own.mkdir(0o700)
        shutil.copy(self.login_key.with_suffix(".pub"), own / "authorized_keys")

    def _autostart(self) -> None:
        autostart = self.home / "Unitree" / "autostart"
        for place, source in INSTALLED.items():
            (autostart / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROGRAMS / source, autostart / place)
            (autostart / place).chmod(0o755)
        (autostart / ".startlist.sh").write_text(START_LIST)
        for found in (self.home, *self.home.rglob("*")):
            os.chown(found, PI_UID, PI_UID)

    def mounts(self) -> str:
        """The shell script that lays these files over the machine's, in a mount namespace of its own."""
        return _MOUNTS.format(folder=self._folder)

    def remove(self) -> None:
        """All but the logs."""
        for place in (self.etc, self.home, self.run, self.keys, self._misc, self._cron):
            shutil.rmtree(place, ignore_errors=True)
