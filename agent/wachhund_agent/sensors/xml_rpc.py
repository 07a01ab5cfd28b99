"""Calls and answers of XML-RPC over HTTP/1.1, as a ROS 1 master speaks it, with bounds on what an answer may be. Pure.

http://xmlrpc.com/spec.md. The standard library's xmlrpc.client would cost the robot 7 MB more and bounds neither depth
nor size; its parser of XML (expat) is used alone. A document type is refused, and with it every entity of its own.
"""

import re
from typing import List, Optional, Tuple, Union
from xml.parsers import expat

HEAD_BYTES = 8 * 1024
ANSWER_BYTES = 256 * 1024  # a master that knows 500 topics with 10 nodes each answers with so much
ANSWER_VALUES = 20_000
ANSWER_DEPTH = 64  # elements within one another; a master's answers have 16
_SCALARS = frozenset({"string", "int", "i4", "i8", "boolean", "double", "dateTime.iso8601", "base64", "nil"})

_SIZE, _NUMBER = re.compile(b"[0-9]{1,12}"), re.compile("-?[0-9]{1,19}")

Value = Union[str, int, "List[Value]"]


class BadAnswer(Exception):
    """Not an answer that we would read: said in words."""


def call(host: str, port: int, method: str, *arguments: str) -> bytes:
    """The request for one call with texts as arguments; the connection stays open."""
    values = "".join("<param><value><string>{}</string></value></param>".format(_escaped(one)) for one in arguments)
    body = "<?xml version='1.0'?><methodCall><methodName>{}</methodName><params>{}</params></methodCall>".format(
        _escaped(method), values
    ).encode("utf-8")
    head = "POST /RPC2 HTTP/1.1\r\nHost: {}:{}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n".format(
        host, port, len(body)
    )
    return head.encode("ascii") + body


def _escaped(said: str) -> str:
    # xml.sax.saxutils has this, and brings urllib.request and http.client with it.
    return said.replace("&", "&amp;").replace("<", "&lt;")


class AnswerReader:
    """Takes the bytes of one answer as they come."""

    def __init__(self) -> None:
        self._data = b""
        self._body: Optional[Tuple[int, int]] = None  # where it begins, and how long it is

    @property
    def size(self) -> int:
        """Bytes that came so far."""
        return len(self._data)

    def feed(self, data: bytes) -> Optional[Value]:
        """The value once it is whole, else None. Raises BadAnswer."""
        self._data += data
        if self._body is None:
            self._body = self._head()
            if self._body is None:
                return None
        at, size = self._body
        if len(self._data) < at + size:
            return None
        if len(self._data) > at + size:
            raise BadAnswer("it says more than it was asked")
        return parse_answer(self._data[at:])

    def _head(self) -> Optional[Tuple[int, int]]:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > HEAD_BYTES:
                raise BadAnswer("it speaks no HTTP")
            return None
        first, *lines = self._data[:end].split(b"\r\n")
        if not first.startswith(b"HTTP/1.") or first.split(b" ")[1:2] != [b"200"]:
            raise BadAnswer("it refuses the call, or speaks no HTTP")
        for line in lines:
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length" and _SIZE.fullmatch(value.strip()):
                size = int(value)
                if size > ANSWER_BYTES:
                    raise BadAnswer("its answer is larger than {} bytes".format(ANSWER_BYTES))
                return end + 4, size
        raise BadAnswer("it does not say how long its answer is")


class _Builder:
    """Builds values from what expat calls out."""

    def __init__(self) -> None:
        self.result: Optional[Value] = None
        self._lists: List[List[Value]] = []
        self._text: List[str] = []
        self._scalar: Optional[str] = None  # the kind of the value that is read; a value of no kind is a text
        self._depth = self._values = 0
        self._plain = False

    def start(self, name: str, attributes: object) -> None:
        self._depth += 1
        if self._depth > ANSWER_DEPTH:
            raise BadAnswer("its answer lies deeper than {} elements".format(ANSWER_DEPTH))
        if name in ("fault", "struct"):
            raise BadAnswer("it answers with a {}".format(name))
        if name == "value":
            self._values += 1
            if self._values > ANSWER_VALUES:
                raise BadAnswer("its answer has more than {} values".format(ANSWER_VALUES))
            self._text, self._scalar, self._plain = [], None, True
        elif name == "array":
            self._lists.append([])
            self._plain = False
        elif name in _SCALARS:
            self._scalar, self._text = name, []

    def text(self, data: str) -> None:
        self._text.append(data)

    def end(self, name: str) -> None:
        self._depth -= 1
        if name == "array":
            self._keep(self._lists.pop())
        elif name == "value" and self._plain:
            self._keep(self._read())
            self._plain = False

    def _read(self) -> Value:
        said = "".join(self._text)
        if self._scalar not in ("int", "i4", "i8", "boolean"):
            return said
        if not _NUMBER.fullmatch(said.strip()):
            raise BadAnswer("a number in it is none")
        return int(said)

    def _keep(self, value: Value) -> None:
        if self._lists:
            self._lists[-1].append(value)
        elif self.result is None:
            self.result = value
        else:
            raise BadAnswer("it answers twice")


def parse_answer(data: bytes) -> Value:
    """The value that a methodResponse holds: texts, numbers and lists of them. Raises BadAnswer."""
    if len(data) > ANSWER_BYTES:
        raise BadAnswer("its answer is larger than {} bytes".format(ANSWER_BYTES))
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise BadAnswer("its answer is no XML: {}".format(error)) from None
    if builder.result is None:
        raise BadAnswer("its answer is empty")
    return builder.result


def _refuse(*declared: object) -> None:
    raise BadAnswer("its answer declares a document type")
