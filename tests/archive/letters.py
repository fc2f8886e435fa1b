"""Papers that hold no e-invoice, each with all that it can print, in the languages that are spoken."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from haas.documents.rendering import render_pdf
from invoicing.bank.mandate_paper import MandateDocument, mandate_pdf
from invoicing.collection_paper import CollectionDocument, CollectionItem, CollectionStop, collection_pdf
from invoicing.dunning.paper import ReminderDocument, ReminderRow, reminder_pdf
from invoicing.statement_paper import StatementAccount, StatementDocument, StatementRow, statement_pdf
from leases.end_paper import LossRow, LossTableDocument, SaleDocument, loss_table_pdf, sale_pdf
from leases.quotes.document import AcceptanceDocument, LeavingEarly, OfferedLine, OfferedOption, QuoteDocument
from leases.quotes.paper import acceptance_pdf, quote_pdf
from tests import paper

NAME = "Contoso 北京 شركة 😀 SE"  # every script that a client's name may be in
ADDRESS = ("Kai 7", "20457 Hamburg")
PORTAL = "https://portal.northwind.example/d/7Q2MZ4K9T1"
FIRST, LAST = date(2026, 11, 2), date(2026, 11, 30)


def mandate(scheme: str, *, language: str) -> bytes:
    """The form to sign."""
    return mandate_pdf(
        MandateDocument(
            branding=paper.branding(),
            language=language,
            drafted_on=FIRST,
            reference="NW-MND-0007",
            scheme=scheme,
            is_recurrent=scheme == "CORE",
            creditor_name="Northwind IT GmbH",
            creditor_id="DE98ZZZ09999999999",
            client_name=NAME,
            client_address_lines=ADDRESS,
            customer_number="C-0007",
            holder=NAME,
            iban="DE02120300000000202051",
            bic="BYLADEM1001",
        ),
        render=render_pdf,
    )


def reminder() -> bytes:
    """Two invoices, a fee and interest."""
    rows = (
        ReminderRow(
            "INV-2026-0001",
            date(2026, 9, 1),
            date(2026, 9, 15),
            Decimal("119.00"),
            Decimal("1.27"),
            "RF18INV20260001",
        ),
        ReminderRow("INV-2026-0002", date(2026, 10, 1), date(2026, 10, 15), Decimal("59.50")),
    )
    return reminder_pdf(
        ReminderDocument(
            branding=paper.branding(),
            language="de",
            client_name=NAME,
            client_address_lines=ADDRESS,
            customer_number="C-0007",
            written_on=FIRST,
            subject="Zahlungserinnerung",
            paragraphs=("Guten Tag,", "zwei Rechnungen sind noch offen."),
            rows=rows,
            currency="EUR",
            amount=Decimal("178.50"),
            fee=Decimal("5.00"),
            interest=Decimal("1.27"),
            pay_by=LAST,
            pay_to=("Inhaber: Northwind IT GmbH", "IBAN: DE02 1203 0000 0000 2020 51"),
            portal_url=PORTAL,
        ),
        render=render_pdf,
    )


def statement() -> bytes:
    """Every kind of movement in one currency, and one without places beside it."""
    moves = (
        ("invoice", "119.00"), ("credit_note", "-19.00"), ("payment", "-120.00"), ("reversal", "50.00"),
        ("goodwill", "-10.00"), ("refund", "20.00"),
    )  # fmt: skip
    rows, balance = [], Decimal(0)
    for kind, amount in moves:
        balance += Decimal(amount)
        rows.append(
            StatementRow(
                on=FIRST, kind=kind, text="NW-1", due_on=LAST, amount=Decimal(amount), balance=balance
            )
        )
    none = (Decimal(0),) * 5
    euros = StatementAccount(
        currency="EUR", opening=Decimal(0), closing=balance, overdue=Decimal(0), credit=Decimal(0),
        aged=(balance, *none[1:]), rows=tuple(rows),
    )  # fmt: skip
    yen = StatementAccount(
        currency="JPY", opening=Decimal(900), closing=Decimal(900), overdue=Decimal(900), credit=Decimal(0),
        aged=(*none[1:], Decimal(900)), rows=(),
    )  # fmt: skip
    return statement_pdf(
        StatementDocument(
            branding=paper.branding(),
            language="es",
            client_name=NAME,
            client_number="C-0007",
            client_address_lines=ADDRESS,
            start=date(2026, 11, 1),
            until=date(2026, 12, 1),
            accounts=(euros, yen),
            portal_url=PORTAL,
        ),
        render=render_pdf,
    )


def collection_list() -> bytes:
    """One stop with one device and its kit."""
    item = CollectionItem(
        tag="NW-0001",
        serial="5CG0001ABC",
        description="HP EliteBook 840 G11",
        kit=("charger", "sleeve"),
        lease_number="L-2026-014",
        due_on=LAST,
    )
    stop = CollectionStop(name="Warehouse 2", address_lines=ADDRESS, contact="Mara Vogt", items=(item,))
    return collection_pdf(
        CollectionDocument(
            branding=paper.branding(),
            number="C-0007",
            client_name=NAME,
            client_address_lines=ADDRESS,
            written_at=paper.MORNING,
            stops=(stop,),
            portal_url=PORTAL,
        ),
        render=render_pdf,
    )


def sale(kind: str) -> bytes:
    """A device offered (`quote`) or sold (`bill_of_sale`)."""
    return sale_pdf(
        SaleDocument(
            kind=kind,
            branding=paper.branding(),
            number="B-2026-0003",
            client_name=NAME,
            client_address_lines=ADDRESS,
            lease_number="L-2026-014",
            tag="NW-0001",
            serial="5CG0001ABC",
            description="HP EliteBook 840 G11",
            price=Decimal("240.00"),
            currency="EUR",
            written_at=paper.MORNING,
            priced_on=FIRST,
            valid_until=LAST if kind == "quote" else None,
            effective_on=LAST if kind == "bill_of_sale" else None,
            portal_url=PORTAL,
        ),
        render=render_pdf,
    )


def loss_table() -> bytes:
    """The values of two months."""
    return loss_table_pdf(
        LossTableDocument(
            branding=paper.branding(),
            number="L-2026-014",
            client_name=NAME,
            client_address_lines=ADDRESS,
            currency="EUR",
            devices=2,
            written_at=paper.MORNING,
            rows=(
                LossRow(1, date(2026, 11, 1), Decimal("1800.00")),
                LossRow(2, date(2026, 12, 1), Decimal("1750.00")),
            ),
            portal_url=PORTAL,
        ),
        render=render_pdf,
    )


def _quote() -> QuoteDocument:
    laptops = OfferedLine(
        kind="device", component="device", description="HP EliteBook 840 G11", quantity=Decimal(10),
        unit_price=Decimal("29.90"), amount=Decimal("299.00"),
    )  # fmt: skip
    option = OfferedOption(
        id="a", title="36 months", commercial_model="term", term_months=36, timing="advance",
        interval_months=1, end_option="return", lines=(laptops,), rent=Decimal("299.00"),
        monthly=Decimal("299.00"), one_off=Decimal(0), total=Decimal("10764.00"),
        early_return_pct=Decimal(60),
        leaving_early=(LeavingEarly(after_months=12, charge=Decimal("4305.60")),),
    )  # fmt: skip
    return QuoteDocument(
        branding=paper.branding(),
        number="Q-2026-0009",
        revision=1,
        client_name=NAME,
        client_address_lines=ADDRESS,
        contact_name="Mara Vogt",
        site="Warehouse 2",
        issued_on=FIRST,
        valid_until=LAST,
        deliver_by=LAST,
        currency="EUR",
        intro="As agreed.",
        notice_days=30,
        options=(option,),
        terms_version="2026-1",
        terms_sha256="0" * 64,
        terms="The devices stay ours.\n\nRent is due in advance.",
    )


def quote() -> bytes:
    """One option with its terms."""
    return quote_pdf(_quote(), render=render_pdf)


def acceptance() -> bytes:
    """Its acceptance by link."""
    offered = _quote()
    return acceptance_pdf(
        AcceptanceDocument(
            quote=offered,
            option_id="a",
            document_sha256=offered.sha256,
            signer_name="Mara Vogt",
            signer_title="Head of IT",
            accepted_at=paper.MORNING,
            address="203.0.113.7",
            user_agent="Firefox",
            via="link",
            agreement_number="MA-2026-001",
            lease_number="L-2026-014",
        ),
        render=render_pdf,
    )


def letters() -> dict[str, bytes]:
    """All of them by name."""
    return {
        "mandate CORE en": mandate("CORE", language="en"),
        "mandate B2B de": mandate("B2B", language="de"),
        "reminder": reminder(),
        "statement": statement(),
        "collection list": collection_list(),
        "offer to buy": sale("quote"),
        "bill of sale": sale("bill_of_sale"),
        "loss table": loss_table(),
        "quote": quote(),
        "acceptance": acceptance(),
    }
