"""What this clone is: its commit, the time of it, and our own two distributions as wheels."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.bundling import archive
from deploy.bundling.wheels import Wheel

ROOT = Path(__file__).resolve().parents[2]
_BUILD_S = 600.0


class NotBuilt(Exception):
    """What could not be made, and why."""


def commit(root: Path = ROOT) -> tuple[str, int]:
    """The commit and its time (s). SOURCE_DATE_EPOCH goes first; without git it is needed. Raises NotBuilt."""
    named = os.environ.get("SOURCE_DATE_EPOCH", "")
    done = _git(root, "log", "-1", "--format=%H %ct")
    if done is None:
        if not named.isdecimal():
            raise NotBuilt("no git here: name the time of the source by SOURCE_DATE_EPOCH=SECONDS")
        return "unknown", int(named)
    found, seconds = done.split()
    if _git(root, "status", "--porcelain", "--untracked-files=no"):
        found += "+changed"
    return found, int(named) if named.isdecimal() else int(seconds)


def files(folder: str, root: Path = ROOT) -> dict[str, bytes]:
    """The files of a folder that git knows (all, without git), by their path below it."""
    listed = _git(root, "ls-files", "-z", "--", folder)
    if listed is not None:
        names = [name for name in listed.split("\0") if name and (root / name).is_file()]
    else:
        names = [str(path.relative_to(root)) for path in (root / folder).rglob("*") if path.is_file()]
        names = [name for name in names if "__pycache__" not in name and ".egg-info" not in name]
    return {str(Path(name).relative_to(folder)): (root / name).read_bytes() for name in sorted(names)}


def wheel(folder: str, epoch: int, root: Path = ROOT) -> Wheel:
    """Our distribution in `folder` (agent or host) as a wheel that is the same bytes each time. Raises NotBuilt."""
    with tempfile.TemporaryDirectory(prefix="wachhund-build-") as name:
        made = Path(name)
        for relative, data in files(folder, root).items():
            target = made / folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
        argv += ["--no-build-isolation", "--no-cache-dir", "--wheel-dir", str(made / "out"), str(made / folder)]
        environ = dict(os.environ, SOURCE_DATE_EPOCH=str(epoch), PYTHONHASHSEED="0")
        done = subprocess.run(  # noqa: S603 - no shell; every word is ours
            argv, env=environ, capture_output=True, text=True, timeout=_BUILD_S, check=False
        )
        if done.returncode:
            raise NotBuilt(f"{folder}: {(done.stderr.strip().splitlines() or ['no reason said'])[-1]}")
        (path,) = (made / "out").glob("*.whl")
        # Dates and modes are those of this machine's files; content and its hashes (RECORD) stay as they are.
        return Wheel(path.name, archive.pack(archive.unpack(path.read_bytes()), epoch))


def _git(root: Path, *words: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(  # noqa: S603 - no shell; every word is ours
        [git, "-C", str(root), *words], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.rstrip("\n") if done.returncode == 0 else None
