"""The phone drives the robot over MQTT by websocket through nginx, as the app does; the broker sees loopback."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.system.judge.ssh_stage import DESK, ROBOT_LAN, SshStage

pytestmark = pytest.mark.needs_root("network namespaces, nginx, mosquitto")
PHONE = """
import sys, time
import paho.mqtt.client as mqtt
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, transport="websockets")
client.ws_set_options(path="/mqtt")
client.connect(sys.argv[1], 80)
client.loop_start()
while True:
    client.publish("controller/action", "standUp")
    time.sleep(0.2)
"""
NGINX = """
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen {address}:80;
    location /mqtt {{
      proxy_pass http://127.0.0.1:9801; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
    }}
  }}
}}
"""


def test_control_is_attributed_to_the_phone_and_not_to_the_proxy(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, address=ROBOT_LAN))
    (tmp_path / "broker.conf").write_text(
        "listener 9801 127.0.0.1\nprotocol websockets\nlistener 1883 127.0.0.1\nallow_anonymous true\nuser root\n"
    )
    out = tmp_path / "facts.jsonl"

    def facts() -> list[dict[str, Any]]:
        return [json.loads(line) for line in out.read_bytes().split(b"\n")[:-1]]

    with SshStage(tmp_path) as stage:
        stage.on_robot("mosquitto", "-c", str(tmp_path / "broker.conf"))
        stage.on_robot("nginx", "-c", str(tmp_path / "nginx.conf"))
        with out.open("wb") as target:
            stage.on_robot(AGENT_PYTHON, "-m", "wachhund_agent", "observe", "--profile", "go1", stdout=target)
        stage.until(lambda: any(fact["kind"] == "coverage" for fact in facts()), "the senses are awake")
        stage.until(
            lambda: sum(fact["kind"] == "listen.open" and fact["local"][1] in (80, 9801) for fact in facts()) >= 2,
            "nginx and the broker listen",
        )
        stage.outside(sys.executable, "-c", PHONE, ROBOT_LAN, stderr=subprocess.STDOUT)
        stage.until(
            lambda: any(fact["kind"] == "control" and "websocket" in fact["what"] for fact in facts()),
            "control is told",
        )
        told = next(fact for fact in facts() if fact["kind"] == "control" and "websocket" in fact["what"])
        assert told["surface"] == "mqtt" and told["client"][0] == DESK and told["scope"] == "lan"
        assert told["through"]["proxy"].endswith("/nginx")
