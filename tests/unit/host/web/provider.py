"""A small OpenID Connect provider on loopback: https with an authority of its own, real RS256 keys, codes taken once.

It keeps to the standard unless a test tells it to lie: `claims`, `header`, `described` and `signed` are there for that.
"""

import base64
import contextlib
import datetime
import hashlib
import http.server
import ipaddress
import json
import secrets
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "wachhund", "a secret: with a colon & more"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that is its own authority, for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a provider of a test")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1)).add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(key, hashes.SHA256())
    )  # fmt: skip
    files = folder / "provider.pem", folder / "provider.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    return files


def new_key(kid: str) -> RSAKey:
    made = rsa.generate_private_key(65537, 2048)
    pem = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return RSAKey.import_key(pem, {"kid": kid, "use": "sig"})


def _drip(request: http.server.BaseHTTPRequestHandler) -> None:
    """A byte now and then, until nobody listens any more."""
    request.send_response(200)
    request.send_header("Content-Length", "1000000")
    request.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(1000):
            request.wfile.write(b"x")
            time.sleep(0.02)


class Provider:
    """`who`: whom it knows at its door, as claims. `asked`: the paths that the host asked, in their order."""

    def __init__(self, folder: Path) -> None:
        self.ca_file, key_file = certificate(folder)
        self.key = new_key("one")
        self.keys, self.odd_keys = [self.key], list[dict[str, Any]]()
        self.who: dict[str, Any] = {"sub": "subject-1", "preferred_username": "bert"}
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.described: dict[str, Any] = {}
        self.signed: Callable[[dict[str, Any]], str] | None = None
        self.raw: dict[str, tuple[int, dict[str, str], bytes]] = {}  # path -> an answer of no form
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._answer(self, "")

            def do_POST(self) -> None:
                provider._answer(self, self.rfile.read(int(self.headers["Content-Length"])).decode())

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, key_file)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.issuer = f"https://localhost:{self._server.server_address[1]}/realms/lab"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def end(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def visit(self, address: str) -> dict[str, str]:
        """What a browser brings back whose person this provider knows: the query of its way back."""
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        assert address.startswith(f"{self.issuer}/authorize?")
        assert asked["client_id"] == CLIENT and asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
        assert "openid" in asked["scope"].split() and len(asked["state"]) > 20 and len(asked["nonce"]) > 20
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def _answer(self, request: http.server.BaseHTTPRequestHandler, body: str) -> None:
        path = request.path.removeprefix("/realms/lab")
        self.asked.append(path)
        if path == "/drip":
            _drip(request)
            return
        status, headers, said = self.raw.get(path) or self._said(path, request, body)
        request.send_response(status)
        for name, value in {"Content-Length": str(len(said)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(said)

    def _said(
        self, path: str, request: http.server.BaseHTTPRequestHandler, body: str
    ) -> tuple[int, dict[str, str], bytes]:
        if path == "/.well-known/openid-configuration":
            told: Any = {
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"], **self.described,
            }  # fmt: skip
        elif path == "/keys":
            told = {"keys": [*self.odd_keys, *(key.as_dict(private=False) for key in self.keys)]}
        else:
            told = self._token(request.headers.get("Authorization", ""), dict(urllib.parse.parse_qsl(body)))
        return (400 if "error" in told else 200), {"Content-Type": "application/json"}, json.dumps(told).encode()

    def _token(self, shown: str, form: dict[str, str]) -> dict[str, Any]:
        asked = self._codes.pop(form.get("code", ""), None)
        secret = base64.b64decode(shown.removeprefix("Basic ")).decode().split(":")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if [urllib.parse.unquote_plus(part) for part in secret] != [CLIENT, SECRET]:
            return {"error": "invalid_client"}
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.who}
        claims = {name: value for name, value in {**claims, **self.claims}.items() if value is not None}
        signed = self.signed or self._sign
        return {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "id_token": signed(claims)}

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid, **self.header}, claims, self.key)
