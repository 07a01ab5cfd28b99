"""In which language and zone pages are told to a person: the step that makes the columns of schema.operators."""

from sqlalchemy import Connection


def languages(connection: Connection) -> None:
    """Empty: as the browser says."""
    for column in ("language", "zone"):
        connection.exec_driver_sql(f"ALTER TABLE operators ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")
