"""What SQLite and PostgreSQL say in different words. A statement is built once and compiled for either.

What SQLite is asked is what it was asked before there was another: nothing here costs it anything.
"""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Connection, Float, Integer, Text, literal
from sqlalchemy.dialects.sqlite import Insert as Upsert
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.dialects.sqlite.dml import OnConflictDoNothing, OnConflictDoUpdate
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

__all__ = [
    "Upsert", "as_whole", "breaks_unique", "commit_as_if_written", "greater_of", "holds_word", "is_server",
    "json_number", "json_part", "json_text", "lesser_of", "members_of", "position_of", "size_of", "span_number",
    "upsert",
]  # fmt: skip

_FILE, _SERVER = "sqlite", "postgresql"


def is_server(connection: Connection) -> bool:
    """Whether this is PostgreSQL."""
    return connection.dialect.name == _SERVER


def commit_as_if_written(connection: Connection) -> None:
    """Have the commit of a transaction that wrote nothing wait for standbys as the others do.

    What it read may be on one disk yet: a server that was started anew counts as committed what had waited for them.
    """
    if is_server(connection):
        connection.exec_driver_sql("SELECT pg_logical_emit_message(true, 'wachhund', '')")


def breaks_unique(error: IntegrityError, table: str, column: str) -> bool:
    """Whether a row was refused because another has the same value in that column."""
    return any(name in str(error.orig) for name in (f"{table}.{column}", f'"{table}_{column}_key"'))


def _of_server(clause: Any, compiler: Any, **words: Any) -> str:
    # PostgreSQL's compiler takes SQLite's clause, but for one thing that it asks for and ours never name.
    clause.constraint_target = None
    return str(getattr(compiler, f"visit_{clause.__visit_name__}")(clause, **words))


compiles(OnConflictDoNothing, _SERVER)(_of_server)
compiles(OnConflictDoUpdate, _SERVER)(_of_server)


class _Function(FunctionElement[Any]):
    """`words`: by dialect; {0}, {1} stand for what it is of."""

    words: dict[str, str]

    def __init_subclass__(cls) -> None:
        cls.inherit_cache = True  # SQLAlchemy asks each class for it: what they are of says all
        super().__init_subclass__()


@compiles(_Function)
def _compile(made: _Function, compiler: Any, **words: Any) -> str:
    said = made.words.get(compiler.dialect.name, made.words[_FILE])
    return said.format(*(compiler.process(one, **words) for one in made.clauses))


class _Greater(_Function):
    words = {_FILE: "max({0}, {1})", _SERVER: "greatest({0}, {1})"}  # noqa: RUF012  nobody changes it


class _Lesser(_Function):
    words = {_FILE: "min({0}, {1})", _SERVER: "least({0}, {1})"}  # noqa: RUF012


class _Position(_Function):
    type = Integer()
    words = {_FILE: "instr({0}, {1})", _SERVER: "strpos({0}, {1})"}  # noqa: RUF012


class _Size(_Function):
    type = Integer()
    words = {_FILE: "length({0})", _SERVER: "octet_length({0})"}  # noqa: RUF012


class _HoldsWord(_Function):
    type = Boolean()
    words = {_FILE: "({0} LIKE {1} ESCAPE '/')", _SERVER: "({0} ILIKE {1} ESCAPE '/')"}  # noqa: RUF012


_FIRST = "jsonb_path_query_first(CAST({0} AS jsonb), CAST({1} AS jsonpath))"


class _JsonText(_Function):
    type = Text()
    words = {_FILE: "json_extract({0}, {1})", _SERVER: f"({_FIRST} #>> '{{{{}}}}')"}  # noqa: RUF012


class _JsonNumber(_Function):
    type = Float()
    words = {_FILE: "json_extract({0}, {1})", _SERVER: f"CAST({_FIRST} #>> '{{{{}}}}' AS double precision)"}  # noqa: RUF012


class _JsonPart(_Function):
    words = {  # noqa: RUF012
        _FILE: "json_each({0}, {1})",
        _SERVER: "jsonb_array_elements(jsonb_path_query_array(CAST({0} AS jsonb), CAST({1} || '[*]' AS jsonpath)))",
    }


class _Members(_Function):
    words = {_FILE: "json_each({0})", _SERVER: "jsonb_array_elements_text(CAST({0} AS jsonb))"}  # noqa: RUF012


class _AsWhole(_Function):
    type = Integer()
    words = {_FILE: "{0}", _SERVER: "CAST({0} AS bigint)"}  # noqa: RUF012


class _SpanNumber(_Function):
    type = Integer()
    words = {_FILE: "CAST({0} / {1} AS INTEGER)", _SERVER: "CAST(floor({0} / {1}) AS bigint)"}  # noqa: RUF012


def span_number(t: ColumnElement[float], seconds: float) -> ColumnElement[int]:
    """In which span of that length a time lies, counted from the epoch."""
    return _SpanNumber(t, literal(seconds, Float))


def greater_of(one: Any, other: Any) -> ColumnElement[Any]:
    """The greater of two, neither of which is NULL."""
    return _Greater(one, other)


def lesser_of(one: Any, other: Any) -> ColumnElement[Any]:
    """The lesser of two, neither of which is NULL."""
    return _Lesser(one, other)


def position_of(column: ColumnElement[str], wanted: str) -> ColumnElement[int]:
    """Where a text begins in a column, from 1; 0 for nowhere."""
    return _Position(column, literal(wanted, Text))


def size_of(column: ColumnElement[str]) -> ColumnElement[int]:
    """How many bytes a text of ASCII has: a server tells that of a packed text without unpacking it."""
    return _Size(column)


def holds_word(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    """Whether a text stands in a column, A to Z without regard to case."""
    pattern = "".join(f"/{letter}" if letter in "%_/" else letter for letter in word)
    return _HoldsWord(column, literal(f"%{pattern}%", Text))


def json_text(column: ColumnElement[Any], path: str) -> ColumnElement[str]:
    """A text in a column's JSON, as `$.surface`; NULL when it is not there."""
    return _JsonText(column, literal(path, Text))


def json_number(column: ColumnElement[Any], path: str) -> ColumnElement[float]:
    """The same of a number."""
    return _JsonNumber(column, literal(path, Text))


def json_part(column: ColumnElement[Any], path: str) -> Any:
    """The members of a list in a column's JSON, as rows with one column `value`, itself JSON."""
    return _JsonPart(column, literal(path, Text)).table_valued("value")


def members_of(listed: str) -> Any:
    """The members of a JSON list of whole numbers, as rows with one column `value` (see as_whole)."""
    return _Members(literal(listed, Text)).table_valued("value")


def as_whole(value: ColumnElement[Any]) -> ColumnElement[int]:
    """What is a number in JSON, as a number."""
    return _AsWhole(value)
