"""The pages by HTTPS through real reverse proxies, by the configurations and the certificate of docs/server.md."""

import json
import os
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.recipes import recipe
from tests.robots.living import Living
from tests.robots.ports import free_port
from tests.waiting import until

pytestmark = pytest.mark.thorough
NAME = "wachhund.example.org"
LATE_S = 1.0  # what the operator is promised, from the host's word to the browser


class Behind(Living):
    """A host that was told by which address people come; a robot is registered and does not run yet."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.public = free_port()
        self.serve_more = ("--pages-at", f"https://{NAME}:{self.public}")

    @property
    def password(self) -> str:
        return self.said("host").split("password ")[1].split()[0]

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """A client that knows the own authority and takes the proxy for the server of that name."""
        trusted = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        with httpx.Client(
            base_url=f"https://127.0.0.1:{self.public}", verify=trusted, timeout=20,
            headers={"host": f"{NAME}:{self.public}"},
        ) as client:  # fmt: skip
            client.event_hooks["request"].append(_of_that_name)
            yield client


def _of_that_name(request: httpx.Request) -> None:
    # The certificate is held against this name; nobody's DNS is asked.
    request.extensions["sni_hostname"] = NAME


def _nginx(folder: Path, public: int, web: int) -> list[str]:
    server = recipe("nginx", {"listen 443 ": f"listen 127.0.0.1:{public} ", "/etc/ssl/wachhund/": f"{folder}/",
                              "127.0.0.1:8380": f"127.0.0.1:{web}"})  # fmt: skip
    kept = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\ngzip on;\ngzip_types *;\n{kept}{server}}}\n"
    )
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def _caddy(folder: Path, public: int, web: int) -> list[str]:
    site = recipe("caddy", {f"{NAME} {{": f"{NAME}:{public} {{\n    bind 127.0.0.1", "/etc/ssl/wachhund/": f"{folder}/",
                            "127.0.0.1:8380": f"127.0.0.1:{web}"})  # fmt: skip
    ours = f"{{\n    admin off\n    auto_https disable_redirects\n    storage file_system {folder}/caddy\n}}\n"
    (folder / "Caddyfile").write_text(ours + site)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


PROXIES: dict[str, Callable[[Path, int, int], list[str]]] = {"nginx": _nginx, "caddy": _caddy}


@pytest.fixture(scope="module", params=PROXIES)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """The host, and the proxy before it."""
    if shutil.which(request.param) is None:
        pytest.skip(f"needs {request.param}")
    folder = tmp_path_factory.mktemp(request.param)
    subprocess.run(["sh", "-euc", recipe("own CA")], cwd=folder, capture_output=True, timeout=60, check=True)
    with Behind(folder) as host:
        argv = PROXIES[request.param](folder, host.public, host.web)
        with (folder / "proxy.out").open("wb") as out:
            environ = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
            proxy = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, env=environ)
        try:
            with host.browser() as client:

                def answers() -> bool:
                    assert proxy.poll() is None, (folder / "proxy.out").read_text()
                    try:
                        return client.get("/login").status_code == 200
                    except httpx.TransportError:
                        return False

                until(answers, 30, "the proxy hands on")
            yield host
        finally:
            proxy.terminate()
            proxy.wait(20)


def log_in(site: Behind, client: httpx.Client, **headers: str) -> httpx.Response:
    """As a browser does: the form names the page that it was on."""
    origin = {"origin": f"https://{NAME}:{site.public}"}
    return client.post("/login", data={"name": "admin", "password": site.password}, headers={**origin, **headers})


def events(client: httpx.Client) -> Iterator[tuple[str, str, float, dict[str, Any]]]:
    """(name, the state that it names, when it came, data) of each event of the fleet's page."""
    with client.stream("GET", "/live/fleet?q=&page=1") as stream:
        assert stream.status_code == 200 and stream.headers["content-type"].startswith("text/event-stream")
        name = state = ""
        for line in stream.iter_lines():
            if line.startswith("id: "):
                state = line.removeprefix("id: ")
            elif line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, state, time.time(), json.loads(line.removeprefix("data: "))


def test_people_log_in_by_the_address_that_the_host_was_told(site: Behind) -> None:
    """The printed link leads there, the cookie is for HTTPS only, and forms of other sites are refused."""
    page = f"https://{NAME}:{site.public}/"
    assert f"wachhund: ready: {page} " in site.said("host") and f"within an hour: {page}login#" in site.said("host")
    with site.browser() as client:
        foreign = log_in(site, client, origin="https://attacker.example")
        assert foreign.status_code == 403
        answer = log_in(site, client)
        assert answer.status_code == 303, answer.text
        assert "; Secure" in answer.headers["set-cookie"] and "max-age" in answer.headers["strict-transport-security"]
        assert client.get("/api/v1/me").json()["operator"] == "admin"


def test_events_come_as_they_happen(site: Behind) -> None:
    """A proxy that gathers them first would show an attack when it is over."""
    with site.browser() as client, httpx.Client(base_url=f"http://127.0.0.1:{site.web}", timeout=20) as beside:
        assert log_in(site, client).status_code == 303
        token = next(iter(client.cookies.values()))
        # The cookie is for HTTPS; the same login without the proxy, to see when the host said it.
        beside.headers["cookie"] = f"wachhund_{site.web}={token}"
        said: dict[str, float] = {}
        stop = threading.Event()

        def listen() -> None:
            with closing(events(beside)) as stream:
                for name, state, t, _ in stream:
                    if name == "change":
                        said[state] = t
                    if stop.is_set():
                        return

        listener = threading.Thread(target=listen)
        listener.start()
        late: list[float] = []
        changes: dict[str, float] = {}
        try:
            with closing(events(client)) as stream:
                for name, state, t, data in stream:
                    if name == "beat":
                        late.append(t - data["t"])
                        if len(late) == 1 and site.agent is None:
                            site.start_agent()
                    elif name == "change" and late:
                        changes[state] = t
                    if len(late) >= 4 and said.keys() & changes.keys():
                        break
        finally:
            stop.set()
            listener.join(20)
        assert max(late) < LATE_S, "each beat says when it was sent"
        both = [changes[state] - said[state] for state in said.keys() & changes.keys()]
        assert max(both) < LATE_S, "what changed on the page, beside one who has it without the proxy"


def test_a_guesser_is_counted_by_his_own_address_whatever_he_says(site: Behind) -> None:
    """The proxy sets who came, and does not add to what a visitor claims: else each guess had an address of its own."""
    with site.browser() as client:
        seen = [
            client.post("/login", data={"name": "x", "password": "y"}, headers={"x-forwarded-for": f"203.0.113.{n}"})
            for n in range(12)
        ]
    assert seen[-1].status_code == 429, [answer.status_code for answer in seen]


def test_without_a_proxy_nobody_says_of_himself_who_he_is(tmp_path: Path) -> None:
    """A host that was told of no proxy believes no header."""
    with Living(tmp_path) as host, httpx.Client(base_url=f"http://127.0.0.1:{host.web}", timeout=20) as client:
        for number in range(12):
            answer = client.post(
                "/login", data={"name": "x", "password": "y"},
                headers={"x-forwarded-for": f"203.0.113.{number}", "x-forwarded-proto": "https"},
            )  # fmt: skip
        assert answer.status_code == 429
        assert client.get("/login", headers={"host": NAME}).status_code == 421
