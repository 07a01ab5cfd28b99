"""Settings of the Pi's real daemons, as its stock image has them in effect."""

from pathlib import Path

from tests.robots.go1.addresses import (
    CAMERA_PORT,
    CAMERAS,
    MQTT,
    MQTT_WEBSOCKET,
    NAME_SERVER,
    PI_WLAN,
    SSH,
    WEB,
    WEB_TOO,
)

_SSHD = f"""\
Port {SSH}
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin no
UseDNS no
PidFile /run/sshd.pid
"""
_MOSQUITTO = f"""\
user mosquitto
persistence false
allow_anonymous true
log_dest stdout
listener {MQTT} 0.0.0.0
listener {MQTT_WEBSOCKET} 0.0.0.0
protocol websockets
"""
_DNSMASQ = f"""\
interface=wlan1
bind-interfaces
except-interface=lo
no-resolv
no-hosts
server={NAME_SERVER}
dhcp-range={PI_WLAN.rpartition(".")[0]}.50,{PI_WLAN.rpartition(".")[0]}.150,12h
dhcp-leasefile=/var/lib/misc/dnsmasq.leases
pid-file=/run/dnsmasq.pid
"""
_NGINX = """\
user www-data;
worker_processes 2;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
events { worker_connections 256; }
http {
    access_log /var/log/nginx/access.log;
    client_body_temp_path /run/nginx/body; proxy_temp_path /run/nginx/proxy; fastcgi_temp_path /run/nginx/fastcgi;
    uwsgi_temp_path /run/nginx/uwsgi; scgi_temp_path /run/nginx/scgi;
    server {
        listen WEB; listen WEB_TOO;
        proxy_http_version 1.1;
        proxy_buffering off;
        proxy_read_timeout 1d;
        location = / { return 200 "a robot\\n"; }
        location /mqtt {
            proxy_pass http://127.0.0.1:MQTT;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }
CAMERAS
    }
}
"""


def doors() -> dict[str, str]:
    """Of the daemons that take visitors in: a path below /etc -> the settings. Broker and web server."""
    cameras = "\n".join(
        f"        location /cam{number} {{ proxy_pass http://{nano}:{CAMERA_PORT}; }}"
        for number, nano in CAMERAS.items()
    )
    nginx = _NGINX.replace("CAMERAS", cameras).replace("WEB_TOO", str(WEB_TOO)).replace("WEB", str(WEB))
    return {
        "mosquitto/mosquitto.conf": _MOSQUITTO,
        "nginx/nginx.conf": nginx.replace("MQTT", str(MQTT_WEBSOCKET)),
    }


def write(etc: Path) -> None:
    """Each at its usual place below this /etc."""
    (etc / "ssh" / "sshd_config").write_text(_SSHD)
    (etc / "dnsmasq.conf").write_text(_DNSMASQ)
    for place, text in doors().items():
        (etc / place).parent.mkdir(exist_ok=True)
        (etc / place).write_text(text)
