"""A connection to one of the databases: how each is opened, asked, stopped and left."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from programs.database import drivers
from programs.database.addresses import DEFAULT, REQUIRE, TITLES, VERIFY, Address, address_of
from programs.database.lexing import MYSQL, POSTGRESQL, SQL_SERVER, SQLITE
from programs.database.statements import bind
from programs.kit import say
from programs.kit.given import Failed, Given

_DRIVERS = {
    POSTGRESQL: "postgresql+psycopg",
    MYSQL: "mysql+pymysql",
    SQL_SERVER: "mssql+pymssql",
    SQLITE: "sqlite",
}
_STYLES = {POSTGRESQL: "pyformat", MYSQL: "pyformat", SQL_SERVER: "pyformat", SQLITE: "named"}
_CONNECT_SECONDS = 15


class TookTooLong(Exception):
    """The statement was stopped at its time limit."""


class Connection:
    """`alchemy` is SQLAlchemy's connection, for what it says better than the driver."""

    def __init__(self, address: Address, *, seconds: int = 0) -> None:
        """`seconds` is the time limit of each statement; 0 is none. Raises `Failed`."""
        import sqlalchemy  # noqa: PLC0415 - only there once the drivers are

        self.address = address
        self.kind = address.kind
        self._seconds = seconds
        self._engine = sqlalchemy.create_engine(
            _url(address), connect_args=_arguments(address, seconds), poolclass=sqlalchemy.NullPool
        )
        if self.kind == SQLITE:
            _take_over_transactions(self._engine)
        try:
            self.alchemy = self._engine.connect()
        except Exception as error:
            raise Failed(
                f"{TITLES[self.kind]} at {address.label} cannot be reached: {self.reason(error)}"
            ) from None
        self._driver: Any = self.alchemy.connection.dbapi_connection
        self._prepare()

    def _prepare(self) -> None:
        if self.kind == POSTGRESQL:
            self._driver.add_notice_handler(_tell)
            self._driver.autocommit = True
            self._driver.execute(f"SET statement_timeout = {self._seconds * 1000}")
            self._driver.autocommit = False

    @property
    def version(self) -> str:
        numbers = self.alchemy.dialect.server_version_info or ()
        product = "MariaDB" if getattr(self.alchemy.dialect, "is_mariadb", False) else TITLES[self.kind]
        return f"{product} {'.'.join(map(str, numbers[:3]))}".strip()

    def each_by_itself(self) -> None:
        """Every statement is final once it has run."""
        self.alchemy = self.alchemy.execution_options(isolation_level="AUTOCOMMIT")

    def begin(self) -> None:
        if not self.alchemy.in_transaction():
            self.alchemy.begin()

    def commit(self) -> None:
        self.alchemy.commit()

    def rollback(self) -> None:
        """A connection that is gone has rolled back."""
        with contextlib.suppress(Exception):
            self.alchemy.rollback()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.alchemy.close()

    def cursor(self, text: str, parameters: Mapping[str, str]) -> Any:
        """The driver's cursor after a statement. Raises what the driver raises."""
        cursor = self._driver.cursor()
        if not parameters:
            cursor.execute(text)
        else:
            bound, used = bind(text, self.kind, parameters, _STYLES[self.kind])
            cursor.execute(bound, {name: parameters[name] for name in used})
        return cursor

    @contextlib.contextmanager
    def limited(self) -> Iterator[None]:
        """For a statement and its rows. PostgreSQL and SQL Server keep the limit themselves; the others are
        told when it is over. Raises `TookTooLong`."""
        over = threading.Event()

        def end() -> None:
            over.set()
            self._stop()

        timer = threading.Timer(self._seconds, end)
        if self._seconds and self.kind in (MYSQL, SQLITE):
            timer.daemon = True
            timer.start()
        try:
            yield
            # What was told to stop may answer as if it had come to its end.
            if over.is_set():
                raise TookTooLong
        except KeyboardInterrupt:
            self._stop()
            raise
        except Exception as error:
            if over.is_set() or _is_timeout(error):
                raise TookTooLong(f"It took longer than {self._seconds} s, and was stopped.") from error
            raise
        finally:
            timer.cancel()

    def _stop(self) -> None:
        """Tell the database to give the statement up. PostgreSQL's driver does so itself."""
        with contextlib.suppress(Exception):
            if self.kind == SQLITE:
                self._driver.interrupt()
            elif self.kind == MYSQL:
                number = int(self._driver.thread_id())
                with self._engine.connect() as other:
                    other.exec_driver_sql(f"KILL QUERY {number}")

    def reason(self, error: BaseException) -> str:
        """What the database says, on lines of its own where it has several; never with the password."""
        text = _message(getattr(error, "orig", None) or error)
        password = self.address.password
        return text.replace(password, "********") if password else text


@contextlib.contextmanager
def connected(given: Given) -> Iterator[Connection]:
    """Closed without a commit unless there was one. Raises `Failed`."""
    kind = given.text("kind")
    if kind not in _DRIVERS:
        raise Failed(f'There is no driver for the database "{kind}".')
    drivers.provide(kind, given)
    connection = Connection(address_of(given), seconds=given.number("timeout", 0))
    try:
        say.info(f"{connection.version} at {connection.address.label}")
        yield connection
    finally:
        connection.rollback()
        connection.close()


def _url(address: Address) -> Any:
    from sqlalchemy.engine import URL  # noqa: PLC0415 - only there once the drivers are

    return URL.create(
        _DRIVERS[address.kind],
        username=address.user or None,
        password=address.password or None,
        host=address.host or None,
        port=address.port or None,
        database=address.name or None,
        query=dict(address.extra),
    )


def _arguments(address: Address, seconds: int) -> dict[str, Any]:
    if address.kind == POSTGRESQL:
        modes = {REQUIRE: {"sslmode": "require"}, VERIFY: {"sslmode": "verify-full"}}
        own = {"connect_timeout": _CONNECT_SECONDS, "application_name": "Octoworkers"}
        return {**own, **modes.get(address.tls, {})}
    if address.kind == MYSQL:
        return {"connect_timeout": _CONNECT_SECONDS, "charset": "utf8mb4", **_mysql(address.tls)}
    if address.kind == SQL_SERVER:
        encryption = {"encryption": "require"} if address.tls == REQUIRE else {}
        limits = {"login_timeout": _CONNECT_SECONDS, "timeout": seconds}
        return {"appname": "Octoworkers", **limits, **encryption}
    folder = Path(address.name).parent
    if address.name != ":memory:" and not folder.is_dir():
        raise Failed(f"The folder of the SQLite file is not there: {folder}")
    return {"timeout": _CONNECT_SECONDS, "check_same_thread": False}


def _mysql(tls: str) -> dict[str, Any]:
    """Rows as they come, rather than all of them in memory."""
    from pymysql.cursors import SSCursor  # noqa: PLC0415 - only there once the drivers are

    if tls == DEFAULT:
        return {"cursorclass": SSCursor}
    context = ssl.create_default_context()
    if tls == REQUIRE:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return {"cursorclass": SSCursor, "ssl": context}


def _take_over_transactions(engine: Any) -> None:
    """Python's own handling of SQLite leaves changes of tables outside of the transaction."""
    from sqlalchemy import event  # noqa: PLC0415 - only there once the drivers are

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN")


def _tell(notice: Any) -> None:
    """A message that PostgreSQL sends beside its answer."""
    text = f"{notice.severity}: {notice.message_primary}"
    if notice.severity_nonlocalized == "WARNING":
        say.warning(text)
    else:
        say.info(text)


def _message(error: BaseException) -> str:
    """The words of an error, without the shapes that drivers put them into."""
    diagnosis: Any = getattr(error, "diag", None)
    if diagnosis is not None and diagnosis.message_primary:
        more = {"Detail": diagnosis.message_detail, "Hint": diagnosis.message_hint}
        told = [f"{name}: {text}" for name, text in more.items() if text]
        return "\n".join([diagnosis.message_primary, *told])
    arguments = error.args
    if len(arguments) == 1 and isinstance(arguments[0], tuple):
        arguments = arguments[0]
    message = arguments[1] if len(arguments) > 1 and isinstance(arguments[0], int) else str(error)
    return (message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)).strip()


def _is_timeout(error: BaseException) -> bool:
    """PostgreSQL's own limit, and that of SQL Server's driver."""
    return getattr(error, "sqlstate", "") == "57014" or "(20003," in str(error)
