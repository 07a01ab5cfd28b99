"""Netlink messages and attributes: what is packed is found again, and any bytes end somewhere."""

from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.kernel.netlink import attribute_list, attributes, messages, number, pack_attribute


@given(st.binary(max_size=300))
def test_any_bytes_are_messages_and_attributes_or_none(data: bytes) -> None:
    """A length that leads nowhere must not hold the agent up."""
    assert len(list(messages(data))) <= len(data) // 16
    assert len(list(attribute_list(data))) <= len(data) // 4


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=9)), max_size=5))
def test_attributes_that_are_packed_are_found_again(wanted: "list[tuple[int, bytes]]") -> None:
    """Each is padded, and the padding is nobody's."""
    packed = b"".join(pack_attribute(kind, value) for kind, value in wanted)
    assert list(attribute_list(packed)) == wanted and attributes(packed) == dict(wanted)


def test_a_number_of_an_odd_length_is_none() -> None:
    assert [number(value) for value in (None, b"", b"\1", b"\1\1", b"\1\1\1")] == [None, None, 1, 257, None]
