"""`cluster-secret`: for its owner only, the same passwords from it on each machine, and shown nowhere."""

from pathlib import Path

import pytest

from wachhund.cluster import secret
from wachhund.fleet.data_folder import DataFolder
from wachhund_evidence import MisuseError


def test_the_same_secret_gives_the_same_passwords(tmp_path: Path) -> None:
    """Each insider has its own, which tells nothing of another's."""
    data = DataFolder(tmp_path)
    made = secret.make(data)
    assert secret.read(data) == made
    assert (tmp_path / "cluster-secret").stat().st_mode & 0o777 == 0o600
    worker, route = made.password("worker"), made.password("route")
    assert worker == secret.read(data).password("worker") != route
    assert len(worker) == len(route) == 32
    assert made.secret.hex() not in repr(made) and repr(made.secret) not in repr(made)


def test_a_secret_that_is_missing_open_or_cut_is_told(tmp_path: Path) -> None:
    """In one line, which says what to do."""
    data = DataFolder(tmp_path)
    with pytest.raises(MisuseError, match="is missing: copy it from the machine where the cluster was made"):
        secret.read(data)
    secret.make(data)
    with pytest.raises(MisuseError, match="is there already"):
        secret.make(data)
    path = tmp_path / "cluster-secret"
    path.chmod(0o644)
    with pytest.raises(MisuseError, match="others may read it"):
        secret.read(data)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(MisuseError, match="not 32 bytes: copy it from another machine"):
        secret.read(data)
