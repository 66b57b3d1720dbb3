"""Databases of one's own on a server that is there."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy

__all__ = ["fresh_database"]


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """The URL of a new database on the server of a URL, whose user may create some; it is dropped afterwards."""
    name = f"licensechain_test_{secrets.token_hex(6)}"
    server = sqlalchemy.make_url(url)
    driver = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
    server = server.set(drivername=driver.get(server.drivername, server.drivername))
    # Tests may leave connections behind, which PostgreSQL would wait for.
    force = " WITH (FORCE)" if server.get_backend_name() == "postgresql" else ""
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"DROP DATABASE {name}{force}"))
