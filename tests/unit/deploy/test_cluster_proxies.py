"""Proxies in front of a cluster: what each of them says of its file, with places of a test's own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.robots.ports import free_port

CLUSTER = Path(__file__).resolve().parents[3] / "deploy" / "cluster"
CADDYFILES = (CLUSTER / "proxy" / "Caddyfile", CLUSTER / "compose" / "Caddyfile")


def need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here")


def run(folder: Path, *argv: str) -> str:
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=60, check=False, cwd=folder,
        env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The folder with pages.pem and pages.key."""
    run(
        tmp_path, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
        "-subj", "/CN=wachhund.example.org", "-keyout", "pages.key", "-out", "pages.pem",
    )  # fmt: skip
    return tmp_path


def test_nginx_takes_its_file(certificate: Path) -> None:
    """`nginx -t`, which opens the ports too."""
    need("nginx")
    text = (CLUSTER / "proxy" / "nginx.conf").read_text(encoding="utf-8")
    for theirs, ours in (("/etc/ssl/wachhund", str(certificate)), ("listen 443 ", f"listen 127.0.0.1:{free_port()} "),
                         ("listen 4443 ", f"listen 127.0.0.1:{free_port()} ")):  # fmt: skip
        assert theirs in text
        text = text.replace(theirs, ours)
    kept = "".join(f"{name}_temp_path {name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (certificate / "nginx.conf").write_text(
        f"pid {certificate}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{kept}{text}}}\n"
    )
    said = run(
        certificate, "nginx", "-t", "-p", str(certificate), "-e", "stderr", "-c", str(certificate / "nginx.conf")
    )
    assert "[warn]" not in said.replace('[warn] the "user"', ""), said


@pytest.mark.parametrize("path", CADDYFILES, ids=lambda path: path.parent.name)
def test_caddy_takes_its_file(certificate: Path, path: Path) -> None:
    """`caddy validate`, and its own opinion about how it is written."""
    need("caddy")
    text = path.read_text(encoding="utf-8")
    assert "/etc/ssl/wachhund" in text
    (certificate / "Caddyfile").write_text(text.replace("/etc/ssl/wachhund", str(certificate)))
    said = run(certificate, "caddy", "validate", "--adapter", "caddyfile", "--config", "Caddyfile")
    assert "Valid configuration" in said and "not formatted" not in said


def test_haproxy_takes_its_file(tmp_path: Path) -> None:
    """`haproxy -c`; names that no DNS knows are no reason not to start."""
    need("haproxy")
    run(tmp_path, "haproxy", "-c", "-f", str(CLUSTER / "proxy" / "haproxy.cfg"))


def test_haproxy_leads_to_what_nginx_and_robots_listen_at() -> None:
    """The port where nginx is told who came, and the two of robots."""
    balancer = (CLUSTER / "proxy" / "haproxy.cfg").read_text(encoding="utf-8")
    assert "example.org:4443 check send-proxy-v2" in balancer
    assert "listen 4443 ssl http2 proxy_protocol;" in (CLUSTER / "proxy" / "nginx.conf").read_text(encoding="utf-8")
    assert "a.example.org:8883 check\n" in balancer and "a.example.org:8443 check\n" in balancer
