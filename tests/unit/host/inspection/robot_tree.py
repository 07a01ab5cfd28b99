"""The files of a stand-in Go1 in a folder, in three states: as it is sold, enrolled at the maker's cloud, cleaned."""

from pathlib import Path

AUTOSTART = "home/pi/Unitree/autostart"
# "123" by crypt(3), with salts made for this: the public default, which go1.md names.
DEFAULT = "$6$wachhundtest$XYUNY68cht/BFzVti5XXM1BaT5EmV/r8DF.4WclwaxPAs33xemASOEXh8gOIahfPouGA.76a2KnRyzChIUN2r/"
_STOCK = (
    "updateDependencies roscore configNetwork sportMode triggerSport webMonitor appTransit 07obstacle utrack "
    "programming tunnel bmsMonitor"
)


def write(root: Path, path: str, text: str | bytes, mode: int = 0o644) -> Path:
    """A file below the robot's /."""
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    place.chmod(mode)
    return place


def stock(root: Path, hashed: str = DEFAULT) -> Path:
    """As it is sold: the tunnel starts at each boot, and was never in the internet."""
    write(root, "etc/os-release", 'PRETTY_NAME="Raspbian"\nVERSION_CODENAME=buster\n')
    write(root, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\npi:x:1000:1000:,,,:/home/pi:/bin/bash\n")
    write(root, "etc/shadow", f"root:*:18000:0:99999:7:::\npi:{hashed}:18000:0:99999:7:::\n", 0o640)
    write(root, "etc/ssh/sshd_config", "#PermitRootLogin prohibit-password\nUsePAM yes\n")
    write(root, "etc/mosquitto/mosquitto.conf", "listener 1883 0.0.0.0\nallow_anonymous true\n")
    cameras = "".join(f"location /cam{n} {{ proxy_pass http://192.168.123.13:80; }}\n" for n in range(1, 6))
    write(root, "etc/nginx/nginx.conf", "http { server { listen 80;\n" + cameras + "}}\n")
    write(root, f"{AUTOSTART}/.startlist.sh", f"# what starts\n{_STOCK}\n")
    write(root, f"{AUTOSTART}/update.sh", "#!/bin/sh\niptables -t nat -A POSTROUTING -o wlan1 -j MASQUERADE\n", 0o755)
    write(root, f"{AUTOSTART}/tunnel/csclient", b"\x7fELF not the real one", 0o755)
    write(root, f"{AUTOSTART}/tunnel/linux_arm64_client/npc", b"\x7fELF not the real one", 0o755)
    write(root, f"{AUTOSTART}/programming/programming.py", "# runs what it is sent\n")
    write(root, f"{AUTOSTART}/updateDependencies/startup_uploader.py", "# takes uploads\n")
    status = "Package: sudo\nStatus: install ok installed\nVersion: 1.8.27-1+deb10u2\n\n"
    status += "Package: nginx\nStatus: install ok installed\nVersion: 1.14.2-2+deb10u5\n"
    write(root, "var/lib/dpkg/status", status)
    write(root, "var/lib/dpkg/info/cron.list", "/.\n/etc/cron.d\n/etc/cron.d/e2scrub\n")
    write(root, "var/lib/dpkg/info/cron.md5sums", "d41d8cd98f00b204e9800998ecf8427e  etc/cron.d/e2scrub\n")
    write(root, "etc/cron.d/e2scrub", "")
    return root


def enrolled(root: Path) -> Path:
    """It was in the internet once: the tunnel installed itself, and the cloud knows it."""
    stock(root)
    write(root, "usr/local/zhexi/cloudsail/csclient", b"\x7fELF not the real one", 0o755)
    write(root, "usr/local/zhexi/cloudsail/stat.yml", "uuid: nobodys\n")
    unit = "[Service]\nExecStart=/usr/local/zhexi/cloudsail/csclient\n"
    write(root, "etc/systemd/system/CSClientDaemon.service", unit)
    write(root, "var/lib/mosquitto/mosquitto.db", b"\x00\xb5\x00mosquitto db\x00\x09usys/uuid\x00nobodys")
    return root


def cleaned(root: Path) -> Path:
    """What `wachhund flash ssh --disable-vendor-tunnel` and a careful owner leave."""
    stock(root, hashed="$6$other$" + "x" * 86)
    write(root, f"{AUTOSTART}/.startlist.sh", _STOCK.replace(" tunnel", "").replace(" programming", "") + "\n")
    write(root, "etc/mosquitto/mosquitto.conf", "listener 1883 127.0.0.1\nallow_anonymous true\n")
    (root / AUTOSTART / "update.sh").unlink()
    return root
