"""Lines on a wire that loses and turns bytes."""

from witness.framing import MAX_LINE, LineReader, frame, unframe


def test_a_line_is_read_in_whatever_pieces_it_comes() -> None:
    line = frame(b"B " + b"h" * 43)
    for cut in range(len(line)):
        reader = LineReader()
        assert reader.feed(line[:cut]) + reader.feed(line[cut:]) == [b"B " + b"h" * 43]
        assert reader.bad == 0


def test_a_turned_byte_is_found_and_the_next_line_is_read() -> None:
    line = frame(b"hello")
    for place in range(len(line) - 1):
        turned = bytearray(line)
        turned[place] ^= 0x01
        reader = LineReader()
        texts = reader.feed(bytes(turned) + line)
        assert texts[-1] == b"hello" and len(texts) == 1
        assert reader.bad >= 1


def test_a_line_without_end_takes_no_more_room_than_one() -> None:
    reader = LineReader()
    for _ in range(100):
        assert reader.feed(b"x" * 1_000) == []
    assert reader.feed(b"\n" + frame(b"after")) == [b"after"]
    assert reader.bad == 1


def test_the_longest_line_is_read() -> None:
    text = b"x" * (MAX_LINE - 9)
    assert LineReader().feed(frame(text)) == [text]
    assert LineReader().feed(frame(text + b"y")) == []


def test_an_empty_line_says_nothing() -> None:
    for line in (b"", b"*", b"*00000000", b"00000000"):
        assert unframe(line) is None
