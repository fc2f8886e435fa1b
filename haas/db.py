"""Declarative base, column types, and unit_of_work(): one transaction in one tenant's name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Protocol

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    declared_attr,
    mapped_column,
    sessionmaker,
)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# Text that is searched by its beginning, as a range of bytes: under row-level security LIKE and lower()
# never use an index, and in a language's own order a prefix is no range.
ByPrefix = sa.Text(collation="C")
_LAST_LETTER = "\U0010ffff"  # sorts behind every other one
Amount = Annotated[Decimal, mapped_column(sa.Numeric(15, 3))]  # posted: whole minor units of any currency
UnitPrice = Annotated[Decimal, mapped_column(sa.Numeric(18, 6))]  # may carry more places than is posted


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment: aware on the way in (naive is refused), UTC on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a datetime without a zone, which would silently mean the server's."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Answer in UTC whatever the connection's time zone is."""
        return value.astimezone(UTC) if value is not None else None


class Base(DeclarativeBase):
    """Every table of the product."""

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: sa.Text(),
        datetime: UtcDateTime(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
        list[str]: JSONB(),
    }


# What a client's own user may see of a table: the rows of that client (`column`: the table has
# client_id), every row but change none (`shared`), or nothing (`hidden`). `append` is for tables to
# which anyone's action may add but which a client may not read; `open` rows are keyed by their actor.
ClientScope = Literal["column", "shared", "hidden", "append", "open"]


class PartnerOwned:
    """A row of one partner. Its key begins with the partner, and so do all foreign keys to it."""

    __client_scope__: ClassVar[ClientScope] = "hidden"

    @declared_attr
    @classmethod
    def partner_id(cls) -> Mapped[str]:
        """Whose row it is."""
        return mapped_column(sa.ForeignKey("partner.id"), primary_key=True, sort_order=-20)

    id: Mapped[str] = mapped_column(primary_key=True, sort_order=-10)


def owned_by_partner(column: str, target: str, *, name: str | None = None) -> sa.ForeignKeyConstraint:
    """A foreign key that cannot point into another partner's rows: (partner_id, column) -> (partner_id, id).

    Foreign keys are checked without row-level security, so a plain one would accept a stranger's id.
    """
    return sa.ForeignKeyConstraint(
        ["partner_id", column], [f"{target}.partner_id", f"{target}.id"], name=name
    )


def one_of(column: str, values: Iterable[str]) -> sa.CheckConstraint:
    """A check that the column holds one of the words, such as those of a StrEnum."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} in ({listed})", name=f"{column}_known")


class Scope(Protocol):
    """In whose name a transaction runs; see `haas.tenancy.scope`."""

    def database_settings(self) -> Mapping[str, str]:
        """The `haas.…` settings that row-level security and the audit trail read."""


def starts_with(column: Any, text: str) -> sa.ColumnElement[bool]:
    """A prefix as a range of a `ByPrefix` column, which uses its index under row-level security."""
    return sa.and_(column >= text, column < text + _LAST_LETTER)


_SET = sa.text(
    "select set_config('haas.partner', :partner, true), set_config('haas.client', :client, true),"
    " set_config('haas.level', :level, true), set_config('haas.key', :key, true),"
    " set_config('haas.actor', :actor, true), set_config('haas.door', :door, true),"
    " set_config('haas.request', :request, true)"
)

_sessions: sessionmaker[Session] | None = None
_engine: sa.Engine | None = None


class ScopedSession(Session):
    """A session that says in whose name it works at the start of every transaction.

    The settings are local to the transaction (`set_config(…, true)`): a plain SET would survive the
    commit and leak through the pool to the next tenant.
    """


@event.listens_for(ScopedSession, "after_begin")
def _speak_for(session: Session, _transaction: Any, connection: sa.Connection) -> None:
    scope: Scope | None = session.info.get("scope")
    settings = dict(scope.database_settings()) if scope else {}
    names = ("partner", "client", "level", "key", "actor", "door", "request")
    connection.execute(_SET, {name: settings.get(name, "") for name in names})


def change_scope(session: Session, scope: Scope) -> None:
    """Go on in another name within the same transaction; what was added before is written first.

    For the subscriber, whose batch of messages is of many partners and must commit as one, and for what a
    client asks for, which its partner's rows record (`leases.client_requests`).
    """
    session.flush()
    session.info["scope"] = scope
    _speak_for(session, None, session.connection())


def configure(url: str, *, pool_size: int = 8, echo: bool = False) -> sa.Engine:
    """Connect this process to the database; called once by app, worker, scheduler, subscriber or test."""
    global _sessions, _engine
    if _engine is not None:
        _engine.dispose()
    _engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_recycle=1800,
        echo=echo,
        connect_args={"application_name": "haas", "options": "-c timezone=UTC"},
    )
    _sessions = sessionmaker(bind=_engine, class_=ScopedSession, expire_on_commit=False)
    return _engine


def engine() -> sa.Engine:
    """The engine of this process.

    :raises RuntimeError: if `configure` was not called.
    """
    if _engine is None:
        raise RuntimeError("the database is not configured: call haas.db.configure(url) first")
    return _engine


def is_configured() -> bool:
    """Whether this process is connected to a database."""
    return _engine is not None


def open_session(scope: Scope) -> Session:
    """A session in `scope`'s name that the caller commits and closes. Doors alone use this."""
    if _sessions is None:
        raise RuntimeError("the database is not configured: call haas.db.configure(url) first")
    return _sessions(info={"scope": scope})


@contextmanager
def unit_of_work(scope: Scope) -> Iterator[Session]:
    """One transaction in `scope`'s name: committed at the end, rolled back on any error."""
    with open_session(scope) as session, session.begin():
        yield session


@contextmanager
def taken_back(session: Session, *, forget: bool = False) -> Iterator[None]:
    """A savepoint for what is only tried: whatever is written in it is undone, however it ends.

    :param forget: whether every row of the session is read anew afterwards, with what hangs on it.
    """
    savepoint = session.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()
        if forget:
            session.expire_all()


class WeakDatabaseRole(RuntimeError):
    """The application's role could look past row-level security."""


def assert_safe_role(connection: sa.Connection) -> None:
    """Refuse to run as a role that row-level security does not bind.

    :raises WeakDatabaseRole: if the role is a superuser, may bypass the policies, or owns tables.
    """
    role, superuser, bypass, owned = connection.execute(
        sa.text(
            "select rolname, rolsuper, rolbypassrls,"
            " exists(select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            "  where c.relowner = r.oid and n.nspname = 'public' and c.relkind in ('r', 'p'))"
            " from pg_roles r where rolname = current_user"
        )
    ).one()
    if superuser or bypass or owned:
        raise WeakDatabaseRole(
            f"The database role {role!r} is not bound by row-level security"
            f" (superuser={superuser}, bypassrls={bypass}, owns tables={owned})."
            " Set HAAS_DATABASE_URL to the application role haas_app."
        )
