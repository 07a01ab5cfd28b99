"""The path: a list that is the truth, and a picture that says the same without colour."""

import xml.etree.ElementTree as ET

import pytest

from tests.unit.host.web.stage import RELAY_PATH
from wachhund.web.hops import path_of, short_path
from wachhund.web.path_picture import draw_path, suspect_hops


def svgs(markup: str) -> list[ET.Element]:
    return list(ET.fromstring(f"<div>{markup}</div>"))


def test_a_path_is_told_in_words_from_the_outside_inwards() -> None:
    """The text equivalent has everything that the picture has."""
    assert short_path(RELAY_PATH) == "203.0.113.7 → agentd → loopback → ssh → pi"
    (lying, upright) = svgs(str(draw_path(path_of(RELAY_PATH), forbidden=True)))
    for svg in (lying, upright):
        label = svg.attrib["aria-label"]
        assert svg.attrib["role"] == "img" and label.startswith("Path, not allowed")
        assert "203.0.113.7" in label and "agentd (pid 812, as root, /opt/x/agentd)" in label


def test_the_forbidden_part_differs_in_shape_and_word() -> None:
    """Read in black and white: heavy border, notch, and NOT ALLOWED."""
    assert suspect_hops(path_of(RELAY_PATH)) == {0, 1}
    forbidden, allowed = (str(draw_path(path_of(RELAY_PATH), forbidden=flag)) for flag in (True, False))
    assert forbidden.count('class="notch"') == 4 and forbidden.count("NOT ALLOWED") == 2
    assert "notch" not in allowed and "NOT ALLOWED" not in allowed and "suspect" not in allowed


def test_without_a_carrier_the_way_in_itself_is_what_is_forbidden() -> None:
    """Somebody from the next room comes through no relay."""
    path = path_of([{"hop": "address", "address": "192.0.2.9"}, {"hop": "service", "name": "ssh"}, {"hop": "user"}])
    assert suspect_hops(path) == {0, 1}


@pytest.mark.parametrize(
    "origin", [None, [], [{"hop": "unknown", "why": "no flow was seen"}], [{"hop": "quantum"}], [{}]]
)
def test_what_cannot_be_known_is_drawn_as_such(origin: list[dict[str, object]] | None) -> None:
    """Never left out, never guessed: dashed, with the reason; hops of a newer host too."""
    (lying, _) = svgs(str(draw_path(path_of(origin), forbidden=False)))
    assert 'stroke-dasharray="5 4"' in ET.tostring(lying, "unicode")
    assert path_of(origin)[0].sure == "unknown"


def test_hostile_names_in_a_path_stay_text() -> None:
    """The picture is made of a robot's words."""
    nasty = "</text><script>alert(1)</script>\u202e"
    hops = [{"hop": "process", "role": nasty, "exe": "/" + nasty, "pid": nasty, "user": nasty}, {"hop": nasty}]
    for svg in svgs(str(draw_path(path_of(hops), forbidden=True))):
        assert not [element for element in svg.iter() if element.tag.endswith("script")]
        assert "\u202e" not in ET.tostring(svg, "unicode")


def test_a_tunnel_interface_is_a_hop_that_carries() -> None:
    """It is what brings the visitor in, so the way up to it is the part that nobody allowed."""
    path = path_of(
        [
            {"hop": "address", "address": "203.0.113.9", "port": None},
            {"hop": "link", "name": "wg0", "kind": "wireguard", "address": "10.8.0.1"},
            {"hop": "service", "name": "ssh", "port": 22},
        ]
    )
    assert path[1].sentence() == "tunnel interface: wg0 (wireguard, as 10.8.0.1)"
    assert suspect_hops(path) == {0, 1}
