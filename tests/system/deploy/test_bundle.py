"""The bundle as a file: what it refuses, and that it is the same bytes whoever makes it."""

import hashlib
import io
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.bundling import lock
from deploy.bundling.bundles import AGENT_MINORS, Maker
from deploy.bundling.source import ROOT
from tests.robots import bundles
from tests.system.deploy.conftest import Run, tree
from wachhund.flash.bundles import find
from wachhund_agent.own_words import code_hash
from wachhund_evidence.keys import raw_public_key
from wachhund_install.bundle import fits

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
GO1_LIBC = (2, 28)  # Debian 10's
_STATUSES = (2, 10, 11, 12, 70)  # a shell's own, and ours


def test_a_signed_bundle_says_by_whom_and_an_unsigned_one_that_it_is(bundle: Path, run: Run, tmp_path: Path) -> None:
    """What was built on somebody's laptop must not look like a release."""
    signed = bundles.varied(bundle, tmp_path, "1.0.0", key=KEY)
    done = run(signed, "check", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["key"] == raw_public_key(KEY.public_key()).hex()
    done = run(bundle, "check")
    assert done.returncode == 0 and "UNSIGNED" in done.stdout


@pytest.mark.thorough
def test_one_bit_changed_refuses_before_anything_is_unpacked(
    bundle: Path, run: Run, root: Path, tmp_path: Path
) -> None:
    """In the shell text, in the seal, in the code that checks, in a library: by the bundle's own door."""
    whole = bundles.varied(bundle, tmp_path, "1.0.0", key=KEY).read_bytes()
    head = whole.index(b"\n}\n") + 3
    chance, before = random.Random(5), tree(root)
    places = [chance.randrange(head) for _ in range(20)] + [chance.randrange(head, len(whole)) for _ in range(10)]
    altered_file = tmp_path / "altered.run"
    for at in places:
        altered = bytearray(whole)
        altered[at] ^= 1 << chance.randrange(8)
        altered_file.write_bytes(altered)
        done = run(altered_file, "install", "--root", str(root))
        assert done.returncode != 0, f"byte {at}"
        assert "Traceback" not in done.stderr, f"byte {at}: {done.stderr}"
        assert tree(root) == before, f"byte {at}"


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.0002, 0.0003, 0.001, 0.5, 0.999999])
def test_a_copy_that_broke_off_does_nothing(bundle: Path, run: Run, root: Path, tmp_path: Path, share: float) -> None:
    """A shell runs what it has read; it must not have read anything that does something."""
    whole, before = bundle.read_bytes(), tree(root)
    cut = tmp_path / "cut.run"
    cut.write_bytes(whole[: int(len(whole) * share)])
    done = run(cut, "install", "--root", str(root), "--json")
    assert '"status": 0' not in done.stdout and tree(root) == before
    assert share == 0.0 or done.returncode != 0


def test_another_machine_is_one_line_and_its_own_status(bundle: Path, run: Run, tmp_path: Path) -> None:
    """An aarch64 bundle on a laptop, and any bundle on a 32-bit board; also for who reads it as JSON."""
    for machine, status, word in (("armv7l", 11, "32-bit"), ("mips", 11, "mips"), ("riscv64", 11, "take the bundle")):
        fake = tmp_path / machine
        fake.mkdir()
        (fake / "uname").write_text(f"#!/bin/sh\necho {machine}\n")
        (fake / "uname").chmod(0o755)
        done = run(bundle, "check", PATH=f"{fake}:{os.environ['PATH']}")
        assert (done.returncode, len(done.stderr.splitlines())) == (status, 1) and word in done.stderr
        done = run(bundle, "check", "--json", PATH=f"{fake}:{os.environ['PATH']}")
        assert json.loads(done.stdout)["status"] == status and word in json.loads(done.stdout)["text"]


def test_a_robot_without_a_fitting_python_gets_one_line(bundle: Path, run: Run, tmp_path: Path) -> None:
    """With what was found there, and what is needed."""
    old = tmp_path / "python-of-old"
    old.write_text("#!/bin/sh\necho 3.6\n")
    old.chmod(0o755)
    done = run(bundle, "check", WACHHUND_PYTHON=str(old))
    assert (done.returncode, done.stdout) == (12, "")
    assert done.stderr == "wachhund: needs Python 3.7 or newer (to 3.11), here is 3.6: nothing was changed\n"
    done = run(bundle, "check", WACHHUND_PYTHON=str(tmp_path / "none"))
    assert done.returncode == 12 and "here is none" in done.stderr


def test_it_holds_what_the_lock_names_and_all_of_the_agent(bundle: Path, run: Run) -> None:
    """The first bundle lacked a package: from a clone nobody saw it."""
    described = json.loads(run(bundle, "check", "--json").stdout)
    assert described["arch"] == platform.machine()
    assert described["code_sha256"] == code_hash(ROOT / "agent" / "wachhund_agent"), "what the installed agent says"
    locked = (ROOT / "agent" / "requirements.lock").read_text()
    for name, sha256 in described["wheels"]:
        assert name.startswith("wachhund_agent-") or sha256 in locked, name


@pytest.mark.parametrize(("machine", "elf"), [("aarch64", 183), ("x86_64", 62)])
def test_its_programs_are_for_its_machine_and_want_no_newer_libc_than_a_go1_has(
    tmp_path: Path, machine: str, elf: int
) -> None:
    """By what stands in them, not by the name of the wheel: a newer one is found only where it does not start.

    ELF: e_machine at byte 18 (System V ABI); versions of symbols are named as text in `.dynstr`.
    """
    made = bundles.agent_bundle(tmp_path, machine=machine)
    seen = []
    with zipfile.ZipFile(made) as whole:
        for wheel in (name for name in whole.namelist() if name.endswith(".whl")):
            with zipfile.ZipFile(io.BytesIO(whole.read(wheel))) as files:
                for name in files.namelist():
                    data = files.read(name)
                    if data.startswith(b"\x7fELF"):
                        assert int.from_bytes(data[18:20], "little") == elf, name
                        wanted = re.findall(rb"\0GLIBC_([0-9.]+)(?=\0)", data)
                        assert max(tuple(map(int, one.split(b"."))) for one in wanted) <= GO1_LIBC, name
                        seen.append(name)
    assert any("_cffi_backend" in name for name in seen) and any("_rust" in name for name in seen), seen


@pytest.mark.thorough
def test_a_go1s_bundle_has_libraries_for_its_machine_and_its_pythons(tmp_path: Path) -> None:
    """It is made on laptops that can't run it: what each library says of itself is held against the machine."""
    name, data = Maker(bundles.CACHE, None, bundles.MADE_OF).agent("aarch64")
    (tmp_path / name).write_bytes(data)
    assert find("aarch64", folders=[tmp_path]).data == data
    with zipfile.ZipFile(tmp_path / name) as archive:
        wheels = [one.removeprefix("wheels/") for one in archive.namelist() if one.startswith("wheels/")]
    for minor in AGENT_MINORS:
        there = {lock.distribution(wheel) for wheel in wheels if fits(wheel, minor)}
        assert there == {lock.distribution(wheel) for wheel in wheels}, f"all of them for Python 3.{minor}"
    assert {wheel for wheel in wheels if "aarch64" not in wheel and not wheel.endswith("-none-any.whl")} == set()


def test_no_address_of_an_index_gets_into_it(bundle: Path) -> None:
    """Whoever is asked for the libraries is the builder's affair; a robot on the road must not learn of it."""
    with subprocess.Popen(
        [sys.executable, "-m", "pip", "config", "list"], stdout=subprocess.PIPE, text=True
    ) as listing:
        said = listing.communicate(timeout=60)[0] + " ".join(
            value for name, value in os.environ.items() if name.startswith("PIP_")
        )
    hosts = set(re.findall(r"https?://([^/'\s]+)", said)) - {""}
    folders = set(re.findall(r"'(/[^']+|file://[^'\s]+)'", said))
    whole = bundle.read_bytes()
    for word in hosts | {folder for folder in folders if "cert" not in folder and "ssl" not in folder}:
        assert word.encode() not in whole, word


@pytest.mark.thorough
def test_two_builds_in_two_folders_at_two_times_are_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    """So that anybody can build a release again and see that it was made of this source."""
    sums = []
    for name, umask, zone in (("one", 0o022, "UTC"), ("another/and/deeper", 0o077, "Asia/Tokyo")):
        clone = tmp_path / name / "clone"
        for folder in ("agent", "deploy", "host"):
            shutil.copytree(ROOT / folder, clone / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        shutil.copy(ROOT / "LICENSE", clone)
        environ = dict(os.environ, TZ=zone, PYTHONPATH=f"{clone}:{clone}/deploy/installer:{clone}/agent")
        environ["SOURCE_DATE_EPOCH"] = "1700000000"
        argv = [sys.executable, "-m", "deploy.bundling", "--out", str(clone / "out")]
        argv += ["--cache", str(bundles.CACHE)]
        done = subprocess.run(argv, cwd=clone, umask=umask, env=environ, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        listed = (clone / "out" / "SHA256SUMS").read_text()
        for line in listed.splitlines():
            sha256, file = line.split("  ")
            assert hashlib.sha256((clone / "out" / file).read_bytes()).hexdigest() == sha256
        sums.append(listed)
        shutil.rmtree(clone)
    assert sums[0] == sums[1] and len(sums[0].splitlines()) == 3
