"""Programs of any Debian that are run themselves, as rules of SigmaHQ ask, and harm nothing.

Each lives until it was seen: it reads from a pipe that stays open, or prints, also that it can't do that, to one that
takes nothing more. What would change something names what is not there.
"""

import shlex
import shutil
from pathlib import Path

from tests.system.judge.acting_out import Start

_NONE = "/tmp/none-of-wachhund"  # a name only: nobody makes it
COMMANDS = f"""
base64 -d
bash --norc -i -s
sh -c 'base64 -d | sh'
bash -c 'read line; cat {_NONE}'
sh -c 'read line; /usr/bin/curl -o {_NONE} file://{_NONE}'
grep IyEvYmluL2Jhc2
grep x86_64
grep frpc
grep osqueryd
awk 'BEGIN {{system("/bin/sh")}}'
find . -exec /bin/sh ;
find {_NONE} -name .htpasswd
find {_NONE} -perm -4000 -ls
flock -u / /bin/sh
env {_NONE}/bin/sh
nice {_NONE}/bin/sh
nohup {_NONE}
mkfifo {_NONE}/pipe
mkfifo {_NONE}/pipe /tmp/none/of/wachhund
chmod -v 600 {_NONE}
chattr -V -i {_NONE}
cp -v /etc/passwd {_NONE}/
rm -v /var/log/none-of-wachhund
rm -v -r /var/log/syslog-none-of-wachhund
rm -v {_NONE}/.bash_history
unlink {_NONE}
cat {_NONE}/.bash_history
cat /etc/passwd
cat /etc/group
cat /proc/self/cgroup
head /etc/sudoers
sed -n p /etc/hosts
ls -R /etc
ls -id /
ls {_NONE}/.dockerenv
id
groups
uname -a
hostname
w
ip addr
dd if=/dev/null of={_NONE}/x
dd if=/dev/null of=/proc/none/mem
touch -t 01010000 {_NONE}/x.service
userdel none-of-wachhund
groupdel none-of-wachhund
usermod -aG root none-of-wachhund
mount -o hidepid=2 proc {_NONE}
dpkg -i {_NONE}/nmap.deb
dpkg -r none-of-wachhund
python3 -c 'import pty; input("spawn")'
python3 -c 'import os; os.system("/bin/sh")'
curl -A x file://{_NONE}
curl --data x file://{_NONE}
wget -O {_NONE}/x http://127.0.0.1:9/
git clone {_NONE}/exploit {_NONE}/x
rsync -e '/bin/sh -c cat' none:x {_NONE}
getcap -r {_NONE}
setcap cap_setuid+ep {_NONE}
setcap cap_setgid+ep {_NONE}
python3 -c 'import pty,socket; socket.socket().connect(("127.0.0.1",9)); pty.spawn("sh")'
perl -e 'use Socket; socket(S,2,1,6); connect(S,sockaddr_in(9,inet_aton("127.1"))) or die; open(I,"<&S"); exec("sh")'
ssh -o 'ProxyCommand=;sh 0<&2 1>&2' none
apt-get -o APT::Update::Pre-Invoke::=true --version
systemctl stop none-of-wachhund.service
crontab -u nobody -l
ping -c 1 127.0.0.1
"""


def there() -> list[Start]:
    """Those that this machine has."""
    found = []
    for line in COMMANDS.strip().splitlines():
        words = tuple(shlex.split(line))
        program = shutil.which(words[0], path="/usr/sbin:/usr/bin:/sbin:/bin")
        if program is not None:
            found.append(Start(Path(program).resolve(), words, itself=True))
    return found
