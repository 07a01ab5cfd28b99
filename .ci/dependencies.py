"""Print what the host and its agent need at run time, one requirement a line, for `make lock`.

Read from both pyproject.toml files, so that a dependency is named in one place only. Our own distributions are left
out (they are installed from the clone); setuptools is added because that installation builds with it.
"""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def requirements() -> list[str]:
    """Sorted requirement lines of agent/ and host/."""
    found = {"setuptools>=61"}
    for folder in ("agent", "host"):
        project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        found.update(line for line in project["dependencies"] if not line.startswith("wachhund-agent"))
    return sorted(found)


if __name__ == "__main__":
    print("\n".join(requirements()))
