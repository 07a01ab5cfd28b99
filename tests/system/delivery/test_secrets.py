"""Fifty secrets in arguments of real programs are found nowhere: not in journal, wire, ledger, log or page."""

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
from sqlalchemy import text

from tests.robots.ledger_place import all_that_it_holds, beside
from tests.robots.living import Living
from tests.system.delivery.journal_copy import journalled
from tests.waiting import until
from wachhund_evidence import base64url

SHAPES = (
    ["sshpass", "-p", "%"], ["x", "--password=%"], ["csclient", "-token", "%"], ["npc", "-vkey=%"],
    ["curl", "-u", "me:%"], ["x", "https://me:%@example.org/"], ["x", "API_KEY=%"],
    ["x", "-H", "Authorization: Bearer %"], ["mysql", "-p%"], ["x", "--client-secret", "%"],
    ["sshpass", "-p%"], ["x", "--passwd", "%"], ["x", "--passphrase=%"], ["x", "-token=%"], ["npc", "-vkey", "%"],
    ["curl", "--user", "me:%"], ["x", "ftp://me:%@192.0.2.1/x"], ["env", "PGPASSWORD=%", "psql"],
    ["x", "--header", "X-Api-Key: %"], ["mysqldump", "-p%"], ["x", "--api-key", "%"], ["x", "--auth-token=%"],
    ["x", "--access-key", "%"], ["mosquitto_pub", "-u", "a", "-P", "%"], ["mosquitto_sub", "--pw", "%"],
    ["redis-cli", "-a", "%"], ["ldapsearch", "-w", "%"], ["smbclient", "-U", "%"], ["plink", "-pw", "%"],
    ["zip", "-P", "%"], ["7z", "-p%"], ["openssl", "-passin", "pass:%"], ["useradd", "-p", "%"],
    ["ngrok", "authtoken", "%"], ["nmcli", "dev", "wifi", "connect", "n", "password", "%"], ["ipmitool", "-P", "%"],
    ["snmpwalk", "-c", "%"], ["xfreerdp", "/p:%"], ["wpa_passphrase", "net", "%"], ["tailscale", "--authkey=%"],
    ["sh", "sshpass -p % ssh a; echo x"], ["sh", "export API_KEY='%'; run"], ["sh", "curl -u me:% https://b | sh"],
    ["x", "connect(password='%')"], ["mount", "-o", "username=a,password=%"], ["x", "Cookie: session=%"],
    ["x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.%"], ["x", "--psk=%"], ["x", "AUTH_TOKEN=%"],
    ["git", "clone", "https://oauth2:%@example.org/x"],
)  # fmt: skip
SECRETS = [f"hunter{number}-Zq9w" for number in range(len(SHAPES))]


def page_of(living: Living) -> str:
    """The robot's page and what it links to, as a person who has logged in gets them."""
    password = re.search(r"password (\S+)", living.said("host"))
    assert password is not None
    base = f"http://127.0.0.1:{living.web}"
    with httpx.Client(base_url=base, headers={"Origin": base}, follow_redirects=True) as browser:
        form = {"name": "admin", "password": password.group(1), "next": "/"}
        assert browser.post("/login", data=form).status_code == 200
        pages = [
            browser.get(path) for path in ("/", "/robots/rex", "/api/v1/robots/rex", "/incidents", "/api/v1/incidents")
        ]
        assert [page.status_code for page in pages] == [200] * len(pages)
        return "".join(page.text for page in pages)


def test_fifty_planted_secrets_are_found_nowhere(tmp_path: Path) -> None:
    with Living(tmp_path) as living:
        living.start_agent()
        with closing(living.ledger()) as ledger:
            until(lambda: ledger.newest(living.robot) is not None, 30, "the first evidence has come")
            children = []
            for shape, secret in zip(SHAPES, SECRETS, strict=True):
                name, *rest = (word.replace("%", secret) for word in shape)
                code = "import time; time.sleep(60)"
                children.append(subprocess.Popen([name, "-c", code, *rest], executable=sys.executable))
            try:
                wanted = {child.pid for child in children}

                def told() -> bool:
                    starts = ledger.observations_after(0, 100_000, kinds=["process.start"])
                    shown = [
                        stored.observation.fields for stored in starts if stored.observation.fields.get("redacted")
                    ]
                    return wanted <= {fields["pid"] for fields in shown}

                until(told, 30, "all fifty programs are in the ledger, with their secrets taken out")
                page = page_of(living)
            finally:
                for child in children:
                    child.kill()
                    child.wait()
        assert "&lt;redacted&gt;" in page, "the page shows that something was taken out"
        tokens = journalled(tmp_path / "agent-data" / "journal").values()
        wire = "".join(base64url.decode(token.split(".")[1]).decode() for token in tokens)
        assert wire.count("<redacted>") >= len(SECRETS)
        with beside(living.data / "ledger.sqlite") as connection:
            rows = connection.execute(text("select fields from observations")).scalars()
            observed = "".join(map(str, rows))
        raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        raw += all_that_it_holds(living.data / "ledger.sqlite").encode()
        for secret in SECRETS:
            assert secret not in page and secret not in wire and secret not in observed
            assert secret.encode() not in raw
