"""The demo's quotes: one being written, one in the client's hands in its second version, two answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from leases.quotes import answers, drafting, papers, sending, staging, texts, versions
from leases.quotes.answers import Signer
from leases.quotes.models import Quote

if TYPE_CHECKING:
    from haas.demo.story import Story

_TERMS = {
    "en": """
1. Subject. We lease you the devices of the schedule for the agreed term. They stay our property.

2. Rent. Rent begins on the day on which a device is accepted, and is due as the schedule says.

3. Care. You treat the devices with care; normal wear is included. Loss is paid at the day's value.

4. End. At the end of the term you choose as the schedule says. Data is erased with a certificate.
""",
    "de": """
1. Gegenstand. Wir vermieten Ihnen die Geräte des Mietscheins für die vereinbarte Dauer. Sie bleiben unser.

2. Miete. Die Miete beginnt mit dem Tag der Abnahme und ist fällig, wie es der Mietschein sagt.

3. Sorgfalt. Sie behandeln die Geräte pfleglich; üblicher Verschleiß ist enthalten, Verlust nicht.

4. Ende. Am Ende der Laufzeit wählen Sie, wie es der Mietschein sagt. Daten werden mit Nachweis gelöscht.
""",
}
_WORDS = {
    "en": {
        "title": "Workplaces for the new office",
        "spare": "Firewalls for both sites",
        "tablets": "Tablets for the field team",
        "intro": "Thank you for the talk. Here are three ways to equip your new office.",
        "rental": "Rental",
        "term": "{months} months",
        "buyout": "48 months with buyout",
        "care": "Care pack, next business day",
        "setup": "Set-up on site",
        "question": "Can the laptops come with a German keyboard?",
        "reason": "We keep the tablets that we have for another year.",
        "role": "Managing director",
    },
    "de": {
        "title": "Arbeitsplätze für das neue Büro",
        "spare": "Firewalls für beide Standorte",
        "tablets": "Tablets für das Außenteam",
        "intro": "Vielen Dank für das Gespräch. Hier sind drei Wege, Ihr neues Büro auszustatten.",
        "rental": "Kurzmiete",
        "term": "{months} Monate",
        "buyout": "48 Monate mit Kauf",
        "care": "Servicepaket, nächster Werktag",
        "setup": "Einrichtung vor Ort",
        "question": "Gibt es die Laptops mit englischer Tastatur?",
        "reason": "Wir behalten unsere Tablets noch ein Jahr.",
        "role": "Geschäftsführerin",
    },
}
SIGNER = "Ada Moreau"


def tell_quotes(story: Story) -> None:
    """Terms first; then quotes in most of their states."""
    story.tell(story.begins, partial(_publish, story))
    story.tell(story.moment(1, day=4), partial(_accepted, story, story.moment(1, day=4)))
    story.tell(story.moment(1, day=9), partial(_declined, story, story.moment(1, day=9)))
    story.tell(story.moment(0, day=27), partial(_sent, story, story.moment(0, day=27)))
    story.tell(story.moment(0, day=28), partial(_draft, story, story.moment(0, day=28)))


def _publish(story: Story, session: Session) -> None:
    body = _TERMS[_language(story)]
    texts.publish(session, story.house.tenant, version="2026-01", body=body, at=story.begins)


def _draft(story: Story, at: datetime, session: Session) -> None:
    words = _WORDS[_language(story)]
    quote = _head(story, session, client=1, title=words["title"], at=at)
    _option(story, session, quote, words["term"].format(months=36), [("premium", 4, Decimal(1))], months=36)


def _sent(story: Story, at: datetime, session: Session) -> None:
    """The client asked, so a second version was sent a day later."""
    words, tenant = _WORDS[_language(story)], story.house.tenant
    quote = _head(story, session, client=0, title=words["title"], at=at, intro=words["intro"])
    lines = [("laptop", 10, Decimal(1)), ("monitor", 10, Decimal(1))]
    _option(story, session, quote, words["term"].format(months=36), lines, months=36)
    sending.send(session, tenant, quote_id=quote.id, valid_until=_until(story), at=at)
    answers.ask(session, tenant, quote_id=quote.id, text=words["question"], by=SIGNER, at=at)
    again = versions.revise(session, tenant, quote_id=quote.id, at=at)
    cheaper = [(model, count, factor * Decimal("0.82")) for model, count, factor in lines]
    dearer = [(model, count, factor * Decimal("1.35")) for model, count, factor in lines]
    _option(
        story,
        session,
        again,
        words["buyout"],
        cheaper,
        months=48,
        end_option="buyout_fixed",
        buyout_price=Decimal(900),
    )
    _option(story, session, again, words["rental"], dearer, months=12, commercial_model="rental")
    drafting.edit_quote(session, tenant, quote_id=again.id, changes={"intro": words["intro"]})
    sending.send(session, tenant, quote_id=again.id, valid_until=_until(story), at=at)


def _accepted(story: Story, at: datetime, session: Session) -> None:
    """One of two firewalls is on the shelf; the other has to be bought."""
    words, tenant = _WORDS[_language(story)], story.house.tenant
    quote = _head(story, session, client=2, title=words["spare"], at=at)
    _option(story, session, quote, words["term"].format(months=36), [("firewall", 2, Decimal(1))], months=36)
    sending.send(session, tenant, quote_id=quote.id, valid_until=(at + timedelta(days=30)).date(), at=at)
    answers.accept(
        session,
        tenant,
        quote_id=quote.id,
        option_id=papers.frozen(quote).options[0].id,
        signer=Signer(
            SIGNER, words["role"], via="link", address="203.0.113.24", user_agent="Mozilla/5.0 (iPhone)"
        ),
        agreed=True,
        at=at,
    )
    staging.stage(session, tenant, quote_id=quote.id, at=at)


def _declined(story: Story, at: datetime, session: Session) -> None:
    words, tenant = _WORDS[_language(story)], story.house.tenant
    quote = _head(story, session, client=0, title=words["tablets"], at=at)
    _option(story, session, quote, words["term"].format(months=24), [("tablet", 6, Decimal(1))], months=24)
    sending.send(session, tenant, quote_id=quote.id, valid_until=(at + timedelta(days=30)).date(), at=at)
    answers.decline(session, tenant, quote_id=quote.id, reason=words["reason"], by=SIGNER, at=at)


def _head(story: Story, session: Session, *, client: int, title: str, at: datetime, intro: str = "") -> Quote:
    house = story.house
    wanted = house.clients[client]
    return drafting.create_quote(
        session,
        house.tenant,
        client_id=wanted.id,
        site_id=house.sites[wanted.id][0].id,
        title=title,
        contact_name=SIGNER,
        intro=intro,
        at=at,
    )


def _option(
    story: Story,
    session: Session,
    quote: Quote,
    title: str,
    lines: Sequence[tuple[str, int, Decimal]],
    *,
    months: int,
    commercial_model: str = "term",
    end_option: str = "return",
    buyout_price: Decimal | None = None,
) -> None:
    house, words = story.house, _WORDS[_language(story)]
    option = drafting.add_option(
        session,
        house.tenant,
        quote_id=quote.id,
        title=title,
        term_months=months,
        commercial_model=commercial_model,
        end_option=end_option,
        buyout_price=buyout_price,
        early_return_pct=Decimal(0) if commercial_model == "rental" else Decimal(35),
    )
    for model, count, factor in lines:
        drafting.add_line(
            session,
            house.tenant,
            quote_id=quote.id,
            option_id=option.id,
            at=quote.created_at,
            model_id=house.models[model].id,
            quantity=Decimal(count),
            unit_price=(house.rents[model] * factor).quantize(Decimal("0.01")),
        )
    for kind, text, price in (
        ("service", words["care"], Decimal("4.50")),
        ("one_off", words["setup"], Decimal(180)),
    ):
        drafting.add_line(
            session,
            house.tenant,
            quote_id=quote.id,
            option_id=option.id,
            at=quote.created_at,
            kind=kind,
            description=text,
            quantity=Decimal(lines[0][1]) if kind == "service" else Decimal(1),
            unit_price=price,
        )


def _until(story: Story) -> date:
    return story.today + timedelta(days=30)


def _language(story: Story) -> str:
    return "de" if story.house.scene.language == "de" else "en"
