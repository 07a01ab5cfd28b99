"""Verify: drop a bundle, get each check. No login is asked for, and nothing of the ledger is read.

What is dropped is checked by the code of `wachhund verify`, one file at a time, and is gone from the disk afterwards.
"""

import functools
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import Response

from wachhund.audit.samples import Samples, make_samples
from wachhund.audit.verifying_bundle import Checked, UnusableBundle, verify_bundle
from wachhund.people.roles import Right
from wachhund.web.acting import needs
from wachhund.web.attempts import Attempts, TooManyAttempts
from wachhund.web.failures import missing
from wachhund.web.paper import render
from wachhund.web.robot_text import clipped
from wachhund.web.said import say
from wachhund.web.verify_view import VerifyView, verify_view
from wachhund_evidence import MisuseError, load_public_key_pem, thumbprint

router = APIRouter(include_in_schema=False)

PATH = "/verify"
MAX_BYTES = 64 * 1024 * 1024  # as large as the pages hand on; `wachhund verify` takes any size
_MAX_KEY_CHARACTERS = 4096
_ONE_AT_A_TIME = threading.Lock()  # each takes a core: strangers may ask
_CHUNK = 1024 * 1024


def _page(
    request: Request, view: VerifyView | None = None, problem: str = "", status: int = 200
) -> Response:  # fmt: skip
    return render(request, "verify.html", status=status, view=view, problem=problem, most_mib=MAX_BYTES // 1024**2)


@router.get(PATH)
@needs(Right.ANYBODY, say="check a bundle")
def form(request: Request) -> Response:
    """Prove it to someone who trusts neither the robot nor us."""
    return _page(request)


@router.post(PATH)
@needs(Right.ANYBODY, say="check a bundle")
def verify(
    request: Request, file: Annotated[UploadFile, File()], key: Annotated[str, Form()] = "",
    host_key: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    """Check what was dropped. `key`, `host_key`: public keys (PEM) that alone are believed; empty: the bundle's own."""
    attempts: Attempts = request.app.state.verify_attempts
    try:
        attempts.note(request.client.host if request.client is not None else "")
    except TooManyAttempts as error:
        wait = say("Not checked: too many attempts: try again in %(n)s s.", n=error.wait_s)
        return _page(request, problem=wait, status=429)
    if not _ONE_AT_A_TIME.acquire(timeout=10):
        busy = say("Not checked: another file is being checked. Try again in a minute.")
        return _page(request, problem=busy, status=503)
    try:
        return _page(request, verify_view(clipped(file.filename or say("the file"), 80), _checked(file, key, host_key)))
    except MisuseError as error:
        return _page(request, problem=say("Not checked: %(why)s.", why=str(error)), status=422)
    finally:
        _ONE_AT_A_TIME.release()


def _checked(file: UploadFile, key: str, host_key: str) -> Checked:
    robots, hosts = _pinned(key, "the robot's key"), _pinned(host_key, "the host's key")
    with tempfile.TemporaryDirectory(prefix="wachhund-verify-") as folder:
        path = Path(folder) / "dropped"
        with path.open("wb") as stream:
            while piece := file.file.read(_CHUNK):
                stream.write(piece)
        try:
            return verify_bundle(path, robots, hosts)
        except UnusableBundle as error:
            raise MisuseError(str(error).replace(f"{path}: ", "")) from None


def _pinned(text: str, what: str) -> Mapping[str, Ed25519PublicKey]:
    if not text.strip():
        return {}
    try:
        found = load_public_key_pem(text.strip()[:_MAX_KEY_CHARACTERS].encode("ascii", "replace") + b"\n")
    except MisuseError as error:
        raise MisuseError(f"{what}: {error}") from None
    return {thumbprint(found): found}


@functools.cache
def _samples() -> Samples:
    return make_samples(time.time())


@router.get(f"{PATH}/sample-{{kind}}.zip")
@needs(Right.ANYBODY, say="a sample of a bundle")
def sample(request: Request, kind: str) -> Response:
    """A bundle to try it with: a good one, or a forged one."""
    if kind not in ("good", "forged"):
        return missing(request, say("No such sample"), say("There are a good one and a forged one."))
    with _ONE_AT_A_TIME:
        found = _samples()
    headers = {"content-disposition": f'attachment; filename="wachhund-sample-{kind}.zip"'}
    return Response(getattr(found, kind), media_type="application/zip", headers=headers)
