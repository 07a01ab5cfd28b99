"""The folder that holds all a host owns, and secret files in it: made for their owner only, and never overwritten."""

import os
from dataclasses import dataclass
from pathlib import Path

from wachhund_evidence import MisuseError


@dataclass(frozen=True)
class DataFolder:
    """Where things lie in a host's data folder."""

    path: Path

    @property
    def ledger(self) -> Path:
        """The SQLite file."""
        return self.path / "ledger.sqlite"

    @property
    def ledger_address(self) -> Path:
        """The server that holds the ledger in the file's place, if one does (wachhund.ledger.place)."""
        return self.ledger.with_suffix(".url")

    @property
    def host_key(self) -> Path:
        """The key that signs receipts (PEM, 0600)."""
        return self.path / "host.key"

    @property
    def next_host_key(self) -> Path:
        """The key that is about to take its place (PEM, 0600): there only while that happens."""
        return self.path / "host.key.next"

    @property
    def succession(self) -> Path:
        """How the host's key became the one that it is (JSON)."""
        return self.path / "succession.json"

    @property
    def nonce_secret(self) -> Path:
        """The secret that marks nonces (32 bytes, 0600)."""
        return self.path / "nonce.secret"

    @property
    def notify_key(self) -> Path:
        """The secret that addresses of notifications are encrypted with (32 bytes, 0600)."""
        return self.path / "notify.key"

    @property
    def recovery_key(self) -> Path:
        """The public half of the recovery key (PEM); its private half is not here."""
        return self.path / "recovery.pub"

    @property
    def authority_key(self) -> Path:
        """The key of the host's certificate authority (PEM, 0600)."""
        return self.path / "authority.key"

    @property
    def authority_certificate(self) -> Path:
        """What robots pin (PEM)."""
        return self.path / "authority.pem"

    @property
    def door_key(self) -> Path:
        """The TLS key of broker and enrolment door (PEM, 0600)."""
        return self.path / "door.key"

    @property
    def door_certificate(self) -> Path:
        """Its certificate (PEM)."""
        return self.path / "door.pem"

    @property
    def doors(self) -> Path:
        """How robots reach the host (JSON)."""
        return self.path / "doors.json"

    @property
    def broker(self) -> Path:
        """The broker's configuration and store (0700)."""
        return self.path / "broker"

    @property
    def known_robots(self) -> Path:
        """The SSH host keys of robots that were flashed (OpenSSH's known_hosts)."""
        return self.path / "known_robots"

    @property
    def way_in(self) -> Path:
        """How to log in for the first time, where the host is a service (text, 0600)."""
        return self.path / "first-login"

    @property
    def tickets(self) -> Path:
        """Invitations of robots that are being flashed (a folder, 0700)."""
        return self.path / "flash"

    @property
    def witnesses(self) -> Path:
        """The secrets shared with hardware witnesses (a folder, 0700)."""
        return self.path / "witnesses"

    @property
    def rules(self) -> Path:
        """The operators' own Sigma rules (a folder that they make)."""
        return self.path / "rules"

    def has_ledger(self) -> bool:
        """Whether there is a ledger, or a server that holds it is named. Raises MisuseError when nobody can see."""
        try:
            return self.ledger.is_file() or self.ledger_address.is_file()
        except OSError as error:
            raise MisuseError(
                f"data folder: {self.path}: {error.strerror}: give this user the right to read it"
            ) from None

    def make(self) -> "DataFolder":
        """Make the folder, for its owner only. Raises MisuseError when it cannot be made or written to."""
        make_private_folder(self.path)
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise MisuseError(f"data folder: {self.path}: read-only: give this user the right to write there")
        return self


def default_data_folder() -> Path:
    """$XDG_DATA_HOME/wachhund, or ~/.local/share/wachhund (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_DATA_HOME", "")
    # The specification: a relative path there is to be ignored.
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "wachhund"


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner enters; one that exists stays as it is. Raises MisuseError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise MisuseError(f"folder: {path}: {error.strerror}: choose a place where this user may write") from None


def write_secret_file(path: Path, content: bytes) -> None:
    """A new file that only its owner reads, whole on disk or not there. Raises MisuseError, also if it exists."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise MisuseError(f"file: {path}: is there already and is not overwritten: give another name") from None
    except OSError as error:
        raise MisuseError(f"file: {path}: {error.strerror}: choose a place where this user may write") from None
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise MisuseError(f"file: {path}: {error.strerror}: nothing was written") from None
