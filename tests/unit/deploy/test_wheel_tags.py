"""Which wheel a robot's Python takes, by its name."""

import pytest

from wachhund_install.bundle import fits

_LINUX = "manylinux_2_17_aarch64.manylinux2014_aarch64.whl"


@pytest.mark.parametrize(
    ("wheel", "minor", "taken"),
    [
        ("cffi-1.15.1-cp37-cp37m-" + _LINUX, 7, True),
        ("cffi-1.15.1-cp37-cp37m-" + _LINUX, 8, False),
        ("cffi-1.15.1-cp310-cp310-" + _LINUX, 10, True),
        ("cffi-1.15.1-cp310-cp310-" + _LINUX, 11, False),
        ("cryptography-45.0.7-cp37-abi3-" + _LINUX, 7, True),
        ("cryptography-45.0.7-cp37-abi3-" + _LINUX, 11, True),
        ("cryptography-45.0.7-cp311-abi3-" + _LINUX, 10, False),
        ("paho_mqtt-2.1.0-py3-none-any.whl", 7, True),
        ("pycparser-2.21-py2.py3-none-any.whl", 11, True),
        ("old-1.0-py2-none-any.whl", 7, False),
        ("pypy-1.0-pp37-pypy37_pp73-" + _LINUX, 7, False),
        ("no wheel at all", 7, False),
    ],
)
def test_a_python_takes_what_was_made_for_it(wheel: str, minor: int, taken: bool) -> None:
    """A library for another Python is found missing only when the agent starts, on the robot."""
    assert fits(wheel, minor) is taken
