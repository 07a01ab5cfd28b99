"""`make test` and `make test-all`: the suite in two runs of pytest, what may run beside others and what may not.

A test below BESIDE has folders, ports and processes of its own, and no clock but its own processor time or a patient
one: two of them run at once, a file by one worker. The others look at the whole machine's processes, sockets and
interfaces, as an agent does, or hold real processes to seconds: they run one after the other (decision 0060).

Every argument reaches pytest. A path or test that is named runs in the run that it belongs to and in no other; options
reach both (write `--ignore=PATH`, with `=`). `-n 0 --pdb` overrules the workers. A run that selects nothing is no
failure while the other selects something. The exit status is the first failure's; both run also when the first fails.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parent
BESIDE = ("unit", "system/host", "system/deploy")  # nobody has to remember the others: they are what is left
WORKERS = ("-n", "2", "--dist", "loadfile")  # two cores are what the bounds of time are told for
INTERRUPTED, NOTHING_SELECTED = 2, 5  # pytest.ExitCode
WITH_A_WORD = frozenset({"-k", "-m", "-n", "-p", "-o", "-c", "-W", "-r"})  # options whose value is the next argument


class Run(NamedTuple):
    """One run of pytest: what it is called, how it goes about it, what it runs."""

    name: str
    manner: tuple[str, ...]
    paths: tuple[str, ...]


def _path(argument: str, here: Path) -> Path:
    return (here / argument.partition("::")[0]).resolve()


def _part(argument: str, folders: Sequence[Path], here: Path) -> list[str]:
    """What an argument names below the folders: itself, or those of them that lie below it."""
    path = _path(argument, here)
    if any(folder in (path, *path.parents) for folder in folders):
        return [argument]
    return [str(folder) for folder in folders if path in folder.parents]


def _kinds(tests: Path) -> tuple[list[Path], list[Path]]:
    """The folders of what may run beside others, and of all that is left."""
    beside = [tests / kind for kind in BESIDE]
    below = [
        path for path in sorted((tests / "system").glob("*")) if path.match("test_*.py") or any(path.rglob("test_*.py"))
    ]
    return [path for path in beside if path.exists()], [
        *(path for path in below if path not in beside),
        tests / "browser",
    ]


def sorted_out(arguments: Sequence[str], here: Path, tests: Path = TESTS) -> tuple[list[Run], list[str]]:
    """The runs that the arguments ask for, and the options that reach each. `here`: where paths are named from."""
    named: list[str] = []
    options: list[str] = []
    for before, argument in zip(("", *arguments), arguments, strict=False):
        path = _path(argument, here)
        ours = path == tests or tests in path.parents or path in tests.parents
        is_option = argument.startswith("-") or before in WITH_A_WORD
        (named if ours and path.exists() and not is_option else options).append(argument)
    runs = []
    beside, alone = _kinds(tests)
    for name, manner, folders in (("beside others", WORKERS, beside), ("one after the other", (), alone)):
        paths = [path for one in named or [str(tests)] for path in _part(one, folders, here)]
        if paths:
            runs.append(Run(name, manner, tuple(dict.fromkeys(paths))))
    return runs, options


def _status(command: Sequence[str]) -> int:
    """Of a child that hears Ctrl-C as we do, and tells what it did until then."""
    with subprocess.Popen(command) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue


def main(arguments: Sequence[str], tests: Path = TESTS) -> int:
    """Run them; pytest's exit status."""
    runs, options = sorted_out(arguments, Path.cwd(), tests)
    statuses = []
    for run in runs:
        if len(runs) > 1:
            print(f"\n-- {run.name}: {', '.join(Path(path).name for path in run.paths)}", flush=True)
        statuses.append(_status([sys.executable, "-m", "pytest", *run.manner, *options, *run.paths]))
        if statuses[-1] == INTERRUPTED:
            break
    selected = [status for status in statuses if status != NOTHING_SELECTED]
    return next((status for status in selected if status), 0) if selected else NOTHING_SELECTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
