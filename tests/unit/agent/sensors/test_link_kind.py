"""What sort of link a link is told as: the host knows a tunnel by that word alone."""

from pathlib import Path

import pytest

from wachhund_agent.kernel.rtnetlink import HARDWARE_ETHERNET, HARDWARE_NONE, HARDWARE_PPP, LinkRecord
from wachhund_agent.sensors.link_kind import link_kind


def of(kind, hardware=HARDWARE_ETHERNET, name="x0", is_tap=None):  # type: ignore[no-untyped-def]
    return LinkRecord(7, name, kind, hardware, True, 0, is_tap, {}, False)


@pytest.mark.parametrize("kind", ["vxlan", "gre", "gretap", "ipip", "sit", "ip6tnl", "geneve", "vti", "xfrm", "vlan"])
def test_a_link_is_told_by_the_kernels_own_word(kind: str, tmp_path: Path) -> None:
    """As "other" the host could take no such tunnel for one."""
    assert link_kind(of(kind, HARDWARE_NONE), str(tmp_path)) == kind


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (of("tun", HARDWARE_NONE, is_tap=False), "tun"),
        (of("tun", is_tap=True), "tap"),
        (of("tun", HARDWARE_NONE), "tun"),  # old kernels don't tell which
        (of("tun"), "tap"),
        (of("rmnet"), "wwan"),
        (of(None, HARDWARE_PPP), "ppp"),
        (of(None), "ethernet"),
        (of(None, 9999), "other"),
    ],
)
def test_where_the_kernel_has_no_word_or_several_one_of_ours_is_told(
    record: LinkRecord, told: str, tmp_path: Path
) -> None:
    """A modem is a modem, whichever driver it has."""
    assert link_kind(record, str(tmp_path)) == told


def test_a_link_that_only_sysfs_names_is_told_by_that(tmp_path: Path) -> None:
    """L2TP has no word of rtnetlink's."""
    (tmp_path / "uevent").write_text("DEVTYPE=l2tpeth\nINTERFACE=x0\n")
    assert link_kind(of(None), str(tmp_path)) == "l2tpeth"
