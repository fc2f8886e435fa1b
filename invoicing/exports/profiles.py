"""Profiles: what goes where, and the mapping that a batch is written by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing.exports.contents import Content
from invoicing.exports.formats import FORMATS
from invoicing.exports.formats.spec import Format, survives
from invoicing.exports.mapping import (
    BAD_DEBT,
    BANK,
    RECEIVABLES,
    TAX,
    ContactRule,
    MapKind,
    Names,
    line_key,
)
from invoicing.exports.models import ExportMapping, ExportProfile
from invoicing.exports.schedule import Cut, Rhythm, Schedule
from invoicing.ledger.accounts import get_chart
from invoicing.ledger.chart import LINE_PURPOSES, Purpose

ROWS_MAX = 5_000  # of one mapping
_VALUE_MAX = 200


def list_profiles(session: Session, tenant: Tenant) -> Sequence[ExportProfile]:
    """The profiles in use, by name."""
    return session.scalars(
        scoped(ExportProfile, tenant)
        .where(ExportProfile.archived_at.is_(None))
        .order_by(ExportProfile.name, ExportProfile.id)
    ).all()


def get_profile(session: Session, tenant: Tenant, *, profile_id: str) -> ExportProfile:
    """One profile, also one that is put away.

    :raises NotFound: if this partner has no such profile.
    """
    profile = session.scalar(scoped(ExportProfile, tenant).where(ExportProfile.id == profile_id))
    if profile is None:
        raise NotFound(f"There is no export profile {profile_id}.")
    return profile


def create_profile(
    session: Session,
    tenant: Tenant,
    *,
    name: str,
    format: str,  # noqa: A002 - the trade's word
    content: str,
    at: datetime,
    family: str = "",
    contact_rule: str = "",
    begins_on: date | None = None,
    options: Mapping[str, str] | None = None,
    alert_email: str = "",
) -> ExportProfile:
    """A profile without a schedule; where the partner has a chart of accounts, its mapping begins with that.

    :param family: the books it feeds, if others feed them too; else books of its own.
    :raises InvalidInput: if the format cannot carry the content.
    :raises Conflict: if the name is taken, or the family is fed with entries and documents at once.
    """
    chosen = _format(format)
    if content not in {each.value for each in chosen.contents}:
        known = ", ".join(chosen.contents)
        raise InvalidInput(f"{chosen.title} takes: {known}.", field="content")
    profile_id = new_id("exf")
    profile = ExportProfile(
        partner_id=tenant.partner_id,
        id=profile_id,
        name=_name(name),
        format=format,
        content=content,
        family=family.strip() or profile_id,
        contact_rule=contact_rule or chosen.contact_rule.value,
        begins_on=begins_on,
        options=_options(chosen, options or {}),
        alert_email=alert_email,
        created_at=at,
        created_by=tenant.actor,
    )
    _check_family(session, tenant, profile)
    try:
        with session.begin_nested():
            session.add(profile)
    except sa.exc.IntegrityError as taken:
        raise Conflict(f"Another profile is called {name}: choose another name.") from taken
    fill_from_chart(session, tenant, profile_id=profile.id)
    return profile


def change_profile(
    session: Session,
    tenant: Tenant,
    *,
    profile_id: str,
    now: datetime,
    name: str,
    contact_rule: str,
    begins_on: date | None,
    options: Mapping[str, str],
    alert_email: str,
    rhythm: str,
    at_minute: int,
    weekday: int,
    month_day: int,
    cut: str,
) -> ExportProfile:
    """Another name, rule or rhythm. Format, content and books stay: what is in them could not be told apart.

    :raises Conflict: if the name is taken.
    """
    profile = get_profile(session, tenant, profile_id=profile_id)
    zone = session.get_one(Partner, tenant.partner_id).time_zone
    schedule = Schedule(
        rhythm=Rhythm(rhythm), at_minute=at_minute, weekday=weekday, month_day=month_day, zone=zone
    )
    try:
        with session.begin_nested():
            profile.name, profile.contact_rule = _name(name), ContactRule(contact_rule).value
            profile.begins_on, profile.alert_email = begins_on, alert_email
            profile.options = _options(_format(profile.format), options)
            profile.rhythm, profile.at_minute = rhythm, at_minute
            profile.weekday, profile.month_day, profile.cut = weekday, month_day, Cut(cut).value
            profile.next_at = schedule.next_after(now)
            session.flush()
    except sa.exc.IntegrityError as taken:
        raise Conflict(f"Another profile is called {name}: choose another name.") from taken
    return profile


def archive_profile(session: Session, tenant: Tenant, *, profile_id: str, at: datetime) -> ExportProfile:
    """Make no more batches of it. What was exported stays on record."""
    profile = get_profile(session, tenant, profile_id=profile_id)
    profile.archived_at, profile.next_at = profile.archived_at or at, None
    session.flush()
    return profile


def rows_of(session: Session, tenant: Tenant, *, profile_id: str) -> Sequence[ExportMapping]:
    """The mapping, by kind and key."""
    return session.scalars(
        scoped(ExportMapping, tenant)
        .where(ExportMapping.profile_id == profile_id)
        .order_by(ExportMapping.kind, ExportMapping.key)
    ).all()


def names_of(session: Session, tenant: Tenant, *, profile: ExportProfile) -> Names:
    """The mapping as formats use it; one query."""
    rows = rows_of(session, tenant, profile_id=profile.id)
    return Names({(MapKind(row.kind), row.key): row.value for row in rows}, ContactRule(profile.contact_rule))


def set_names(
    session: Session, tenant: Tenant, *, profile_id: str, rows: Sequence[tuple[str, str, str]]
) -> None:
    """Name keys (kind, key, value), or with an empty value forget them; all or none.

    :raises InvalidInput: naming each key whose value the format cannot take.
    """
    profile = get_profile(session, tenant, profile_id=profile_id)
    chosen, wrong = _format(profile.format), {}
    if len(rows) > ROWS_MAX:
        raise InvalidInput(f"At most {ROWS_MAX} rows at once.")
    for kind, key, value in rows:
        if problem := _problem(chosen, MapKind(kind), key, value.strip()):
            wrong[f"{kind}:{key}"] = [problem]
    if wrong:
        raise InvalidInput(
            "Not saved: " + " ".join(f"{key}: {words[0]}" for key, words in wrong.items()), fields=wrong
        )
    _set(session, tenant, profile_id, {(kind, key): value.strip() for kind, key, value in rows})


def fill_from_chart(session: Session, tenant: Tenant, *, profile_id: str) -> int:
    """Name every account that has none as the partner's own chart does; how many that were."""
    profile = get_profile(session, tenant, profile_id=profile_id)
    chart = get_chart(session, tenant)
    by_id = {account.id: account for account in chart.accounts}
    known = names_of(session, tenant, profile=profile).rows
    chosen = _format(profile.format)
    filled: dict[tuple[str, str], str] = {}
    for key, purpose in _PURPOSES.items():
        account = by_id.get(chart.purposes.get(purpose, ""))
        if account is None or (MapKind.ACCOUNT, key) in known:
            continue
        value = account.code
        if chosen.account_roots:
            words = "-".join(re.findall(r"[A-Za-z0-9]+", account.name))
            value = f"{chosen.account_roots[account.kind]}:{account.code}-{words}"
        if _problem(chosen, MapKind.ACCOUNT, key, value) is None:
            filled[MapKind.ACCOUNT.value, key] = value
    _set(session, tenant, profile_id, filled)
    return len(filled)


# Base rent is told as rent: programs that read documents know no deferral.
_PURPOSES = {
    RECEIVABLES: Purpose.RECEIVABLES.value,
    BANK: Purpose.BANK.value,
    TAX: Purpose.TAX_PAYABLE.value,
    BAD_DEBT: Purpose.BAD_DEBT.value,
    line_key("allowance"): Purpose.DISCOUNTS.value,
    **{
        line_key(kind): (Purpose.RENT if purpose is Purpose.DEFERRED_RENT else purpose).value
        for kind, purpose in LINE_PURPOSES.items()
    },
}


def _set(session: Session, tenant: Tenant, profile_id: str, rows: Mapping[tuple[str, str], str]) -> None:
    """(kind, key) -> value, or with an empty value forget it; two statements, however many rows."""
    own = {"partner_id": tenant.partner_id, "profile_id": profile_id}
    gone = [name for name, value in rows.items() if not value]
    if gone:
        names = sa.tuple_(ExportMapping.kind, ExportMapping.key)
        session.execute(sa.delete(ExportMapping).filter_by(**own).where(names.in_(gone)))
    named = [
        {**own, "id": new_id("exm"), "kind": kind, "key": key, "value": value}
        for (kind, key), value in rows.items()
        if value
    ]
    if named:
        made = insert(ExportMapping)
        session.execute(
            made.on_conflict_do_update(
                index_elements=["partner_id", "profile_id", "kind", "key"],
                set_={"value": made.excluded.value},
                where=ExportMapping.value != made.excluded.value,
            ),
            named,
        )


def _problem(chosen: Format, kind: MapKind, key: str, value: str) -> str | None:
    """What is wrong with a row, in words that say the remedy; None if nothing is."""
    if not 0 < len(key) <= _VALUE_MAX or not key.isprintable():
        return "The key is empty, too long, or holds control signs."
    if not value:
        return None
    if len(value) > _VALUE_MAX or not value.isprintable():
        return f"Write at most {_VALUE_MAX} signs on one line."
    if kind is MapKind.CONTACT:
        return _contact_problem(chosen, value)
    if kind is MapKind.TAX and len(key.split("/")) != 3:
        return "A tax is named as category/rate/country, such as S/19/DE or S/*/*."
    pattern, words = {
        MapKind.ACCOUNT: (chosen.account_pattern, chosen.account_words),
        MapKind.TAX: (chosen.tax_pattern, chosen.tax_words),
        MapKind.TRACKING: (chosen.tracking_pattern, chosen.tracking_words),
    }[kind]
    return None if re.fullmatch(pattern, value) else f"{chosen.title} wants {words}."


def _contact_problem(chosen: Format, value: str) -> str | None:
    if len(value) > chosen.contact_max:
        return f"{chosen.title} takes at most {chosen.contact_max} signs."
    if not survives(value, chosen.encoding):
        return f"{chosen.title} has not all of these letters: write the name in those of Western Europe."
    return None


def _check_family(session: Session, tenant: Tenant, profile: ExportProfile) -> None:
    """Books fed with documents and with their entries would have each amount twice."""
    others = session.scalars(
        scoped(ExportProfile, tenant)
        .where(ExportProfile.family == profile.family, ExportProfile.archived_at.is_(None))
        .with_only_columns(ExportProfile.content)
    ).all()
    is_journal = profile.content == Content.JOURNAL
    if any((other == Content.JOURNAL) is not is_journal for other in others):
        raise Conflict(
            "These books take journal entries from one profile and documents from another: each amount would"
            " be booked twice. Give this profile books of its own."
        )


def _format(name: str) -> Format:
    chosen = FORMATS.get(name)
    if chosen is None:
        raise InvalidInput(f"The format is one of {', '.join(FORMATS)}.", field="format")
    return chosen


def _name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= 80 or not name.isprintable():
        raise InvalidInput("A name has 1 to 80 signs.", field="name")
    return name


def _options(chosen: Format, given: Mapping[str, str]) -> dict[str, Any]:
    unknown = set(given) - set(chosen.options)
    if unknown:
        raise InvalidInput(f"{chosen.title} has no option {', '.join(sorted(unknown))}.", field="options")
    return {key: value.strip()[:_VALUE_MAX] for key, value in given.items() if value.strip()}
