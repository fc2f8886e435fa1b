"""What the next batch of a profile would be: rows, sums, what is unmapped, the head of the real file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from haas.errors import HaasError
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from invoicing.exports.contents import MONEY_KINDS, Batch, Content, File, ItemKind
from invoicing.exports.formats import FORMATS
from invoicing.exports.formats.spec import survives
from invoicing.exports.mapping import BAD_DEBT, BANK, RECEIVABLES, TAX, Key, MapKind, Names
from invoicing.exports.models import ExportProfile
from invoicing.exports.profiles import get_profile, names_of
from invoicing.exports.reading import read_entries, read_money, read_papers
from invoicing.exports.waiting import (
    Waiting,
    Waits,
    Wanted,
    clients_of,
    count_waiting,
    ids_of,
    keys_of,
    list_waiting,
)

ROWS_SHOWN = 25
_LINES_SHOWN, _SIGNS_SHOWN = 40, 400
NUMBER = "TEST-RUN"


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that the books have no name for, as people know it."""

    kind: MapKind
    key: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHead:
    """The first lines of a file as it would be written."""

    name: str
    text: str  # empty where the file is no text


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """The next batch, before anybody makes it. Nothing was written."""

    waits: Sequence[Waits]
    items: int  # in the next batch
    rows: Sequence[Waiting]  # the first of them
    missing: Sequence[Missing]
    problem: str
    heads: Sequence[FileHead]


def dry_run(
    session: Session, tenant: Tenant, *, profile_id: str, at: datetime, until: date | None = None
) -> DryRun:
    """Read what waits and write its first rows, keeping nothing; the count of queries is fixed."""
    profile = get_profile(session, tenant, profile_id=profile_id)
    wanted = wanted_of(profile, until=until)
    rows = list_waiting(session, tenant, wanted=wanted, most=FORMATS[profile.format].items_max)
    names = names_of(session, tenant, profile=profile)
    missing = missing_of(session, tenant, profile=profile, names=names, rows=rows)
    heads: Sequence[FileHead] = ()
    problem = ""
    if rows and not missing:
        heads, problem = _heads(session, tenant, profile=profile, names=names, rows=rows[:ROWS_SHOWN], at=at)
    return DryRun(
        waits=count_waiting(session, tenant, wanted=wanted),
        items=len(rows),
        rows=rows[:ROWS_SHOWN],
        missing=missing,
        problem=problem,
        heads=heads,
    )


def missing_now(session: Session, tenant: Tenant, *, profile: ExportProfile) -> list[Missing]:
    """What the next batch wants and nothing names: all that a page of the mapping asks of a test run."""
    most = FORMATS[profile.format].items_max
    rows = list_waiting(session, tenant, wanted=wanted_of(profile, until=None), most=most)
    names = names_of(session, tenant, profile=profile)
    return missing_of(session, tenant, profile=profile, names=names, rows=rows)


def wanted_of(profile: ExportProfile, *, until: date | None) -> Wanted:
    """Which rows the profile takes."""
    return Wanted(
        family=profile.family,
        content=Content(profile.content),
        begins_on=profile.begins_on,
        until=until,
        rendered=profile.format == "archive",
    )


def missing_of(
    session: Session, tenant: Tenant, *, profile: ExportProfile, names: Names, rows: Sequence[Waiting]
) -> list[Missing]:
    """Every key that the rows want and nothing names; at most four queries."""
    chosen = FORMATS[profile.format]
    papers, received = ids_of(rows, ItemKind.INVOICE), ids_of(rows, *MONEY_KINDS)
    keys: set[Key] = set()
    if papers or received:
        taxes = chosen.needs_tax_codes or profile.options.get("tax_codes") == "yes"
        found = keys_of(session, tenant, rows=rows, taxes=taxes)
        keys |= {key for key in found if _is_needed(key, lines=chosen.needs_lines, accounts=chosen.accounts)}
        wanted = {RECEIVABLES, TAX} if papers else {RECEIVABLES}
        keys |= {(MapKind.ACCOUNT, name) for name in wanted & set(chosen.accounts)}
    missing = [Missing(kind, key, key) for kind, key in names.missing(keys)]
    for client_id, number, name, legal_name in clients_of(session, tenant, rows=rows):
        called = names.contact(client_id=client_id, number=number, name=name, legal_name=legal_name)
        if not 0 < len(called) <= chosen.contact_max or not survives(called, chosen.encoding):
            missing.append(Missing(MapKind.CONTACT, client_id, f"{number} {name}"))
    return missing


def values_of(
    session: Session, tenant: Tenant, *, batch: Batch, ids: dict[ItemKind, list[str]], turned: bool
) -> Batch:
    """The batch with its rows read; `turned` for one that takes another back."""
    by = batch.number if turned else ""
    moved = [item_id for kind in MONEY_KINDS for item_id in ids.get(kind, [])]
    return replace(
        batch,
        papers=list(
            read_papers(session, tenant, ids=ids.get(ItemKind.INVOICE, []), of=batch, reversed_by=by)
        ),
        money=list(read_money(session, tenant, ids=moved, reversed_by=by)),
        entries=list(read_entries(session, tenant, ids=ids.get(ItemKind.ENTRY, []), reversed_by=by)),
    )


def _is_needed(key: Key, *, lines: bool, accounts: Sequence[str]) -> bool:
    kind, name = key
    if kind is MapKind.TAX:
        return True
    if name.startswith("line:"):
        return lines
    # Where money is no booking of two sides, but a line of the bank, a loss is booked there by hand.
    return (RECEIVABLES if name == BAD_DEBT else BANK) in accounts


def _heads(
    session: Session,
    tenant: Tenant,
    *,
    profile: ExportProfile,
    names: Names,
    rows: Sequence[Waiting],
    at: datetime,
) -> tuple[Sequence[FileHead], str]:
    partner = session.get_one(Partner, tenant.partner_id)
    empty = Batch(
        number=NUMBER,
        content=Content(profile.content),
        seller=partner.name,
        language=partner.language,
        currency=partner.currency,
        made_at=at,
        names=names,
        options=profile.options,
    )
    ids = {kind: ids_of(rows, kind) for kind in ItemKind}
    try:
        whole = values_of(session, tenant, batch=empty, ids=ids, turned=False)
        files = FORMATS[profile.format].write(whole)
    except HaasError as refusal:
        return (), refusal.message
    return [
        FileHead(
            name=each.name_in(NUMBER),
            text=_head(each) if each.media_type.startswith("text/") else "",
        )
        for each in files
    ], ""


def _head(file: File) -> str:
    charset = file.media_type.partition("charset=")[2] or "utf-8"
    lines = file.content.decode(charset, "replace").splitlines()[:_LINES_SHOWN]
    return "\n".join(line[:_SIGNS_SHOWN] for line in lines)
