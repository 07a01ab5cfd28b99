"""Which script runs: as the interpreters themselves read their options."""

import os
import pathlib
import shutil
import subprocess
from typing import List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors.script import script_of

PYTHON, BASH, PERL = "/usr/bin/python3.7", "/bin/bash", "/usr/bin/perl"


@pytest.mark.parametrize(
    ("exe", "line", "script"),
    [
        (PYTHON, "python3 x.py -c y", "/w/x.py"),
        (PYTHON, "python3 -u -O ./x.py", "/w/x.py"),
        (PYTHON, "python3 -W ignore -X dev /a/x.py", "/a/x.py"),
        (PYTHON, "python3 -Wignore -uOW error x.py", "/w/x.py"),
        (PYTHON, "python3 --check-hash-based-pycs always x.py", "/w/x.py"),
        (PYTHON, "python3 -- -x.py", "/w/-x.py"),
        (PYTHON, "python3 -uc pass x.py", None),
        (PYTHON, "python3 -m http.server", None),
        (PYTHON, "python3 - x.py", None),
        (PYTHON, "python3", None),
        (BASH, "-bash", None),
        (BASH, "bash -c ./x.sh", None),
        (BASH, "bash -ec ./x.sh", None),
        (BASH, "bash -s x.sh", None),
        (BASH, "bash -eo pipefail +O extglob x.sh c", "/w/x.sh"),
        (BASH, "bash --rcfile rc --norc - x.sh", "/w/x.sh"),
        ("/bin/dash", "sh -e x.sh", "/w/x.sh"),
        ("/bin/busybox", "sh x.sh", "/w/x.sh"),
        (None, "/usr/bin/python3.11 x.py", "/w/x.py"),
        (PERL, "perl -w -I lib -MPOSIX -i.bak x.pl", "/w/x.pl"),
        (PERL, "perl -ne print x.txt", None),
        (PERL, "perl -l0777ne print x.txt", None),
        ("/usr/bin/perl5.36.0", "perl -l0777 x.pl", "/w/x.pl"),
        ("/usr/bin/ruby2.7", "ruby -w -r set -Ilib x.rb", "/w/x.rb"),
        ("/usr/bin/ruby2.7", "ruby -C /else x.rb", None),
        ("/usr/bin/ruby2.7", "ruby -rCSV x.rb", "/w/x.rb"),
        ("/usr/bin/node", "node --require a --max-old-space-size=100 inspect x.js", "/w/x.js"),
        ("/usr/bin/node", "node -pe 1 x.js", None),
        ("/usr/bin/lua5.3", "lua -e x=1 -lsocket x.lua", "/w/x.lua"),
        ("/usr/bin/vim", "vim x.py", None),
    ],
)
def test_the_script_is_the_first_word_that_is_no_option_and_no_value(
    exe: Optional[str], line: str, script: Optional[str]
) -> None:
    assert script_of([os.fsencode(word) for word in line.split()], "/w", exe) == script


def test_a_relative_script_of_an_unknown_folder_is_unknown() -> None:
    assert script_of([b"python3", b"x.py"], None, PYTHON) is None
    assert script_of([b"python3", b"/x.py"], None, PYTHON) == "/x.py"
    assert script_of([], "/w", PYTHON) is None


def test_an_odd_name_can_still_be_opened(tmp_path: pathlib.Path) -> None:
    odd = os.fsencode(str(tmp_path)) + b"/odd\xff\n.py"
    pathlib.Path(os.fsdecode(odd)).write_bytes(b"x")
    found = script_of([b"python3", odd], None, PYTHON)
    assert found is not None and pathlib.Path(found).read_bytes() == b"x"


@pytest.mark.parametrize(
    ("program", "before"),
    [
        ("python3", ["-u", "-W", "ignore"]), ("python3", ["-OWignore", "--"]), ("bash", ["-eo", "pipefail"]),
        ("bash", ["+O", "extglob", "-"]), ("sh", ["-e"]), ("perl", ["-w", "-I", "lib"]),
        ("perl", ["-lw", "-Mstrict"]), ("perl", ["-CS", "-0777", "--"]),
    ],
)  # fmt: skip
def test_the_interpreters_run_what_we_say_they_run(program: str, before: List[str], tmp_path: pathlib.Path) -> None:
    """Their own word for it: the script says which file it is."""
    exe = shutil.which(program)
    if exe is None:
        pytest.fail("{} is part of every Debian".format(program))
    said = {"python3": "print(__file__)", "perl": "print $0"}.get(program, "echo $0")
    (tmp_path / "mine").write_text(said + "\n")
    done = subprocess.run([exe, *before, "./mine"], cwd=str(tmp_path), stdout=subprocess.PIPE, check=True)
    argv = [os.fsencode(word) for word in [program, *before, "./mine"]]
    shown = script_of(argv, str(tmp_path), program)
    assert shown == str(tmp_path / "mine")
    assert pathlib.Path(done.stdout.decode().strip()).name == "mine"


@given(
    st.lists(st.one_of(st.binary(max_size=12), st.sampled_from([b"-", b"--", b"-W", b"-o", b"+o", b"-C", b"--title"]))),
    st.one_of(st.none(), st.just("/w")),
    st.one_of(st.none(), st.sampled_from(["/bin/sh", PYTHON, PERL, "/ruby", "/node", "/lua", "/bin/busybox", ""])),
)
def test_no_arguments_make_it_fail(argv: List[bytes], cwd: Optional[str], exe: Optional[str]) -> None:
    found = script_of(argv, cwd, exe)
    assert found is None or found.startswith("/")
