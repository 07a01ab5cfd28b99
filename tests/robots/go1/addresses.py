"""Who has which address and port. The robot's own are those of the public descriptions; the rest is RFC 5737's."""

from typing import NamedTuple

PI_LAN, PI_WLAN, PI_PPP, PPP_PEER = "192.168.123.161", "192.168.12.1", "100.100.57.24", "100.100.57.1"
NANO_HEAD, NANO_BODY, NANO_BELLY, MOTORS = "192.168.123.13", "192.168.123.14", "192.168.123.15", "192.168.123.10"
LAB, PHONE = "192.168.123.99", "192.168.12.90"
PHONE_MAC = "02:00:00:00:0c:5a"
OPERATOR, NAME_SERVER, CLOUD = "203.0.113.7", "203.0.113.53", "203.0.113.80"
CLOUD_NAME = "cloud.example"

SSH, WEB, WEB_TOO, MQTT, MQTT_WEBSOCKET, UPLOAD = 22, 80, 8080, 1883, 9801, 9800
HIGH_LEVEL, LOW_LEVEL, STREAM = 8082, 8007, 9201  # udp
LCM_GROUP, LCM = "239.255.76.67", 7667  # udp; what the LCM library uses when nobody says otherwise
CAMERA_PORT = 80
TUNNEL = 5670  # on the cloud; the tunnel's client dials it
CAMERAS = {1: NANO_HEAD, 2: NANO_HEAD, 3: NANO_BODY, 4: NANO_BODY, 5: NANO_BELLY}


class Opened(NamedTuple):
    """A port on the cloud whose callers come out on the Pi's loopback at `inner`."""

    outer: int
    inner: int


OPENED = (Opened(2022, SSH), Opened(2080, WEB), Opened(2183, MQTT))
