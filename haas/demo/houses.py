"""Build a partner's house: branding, tax rates, people, clients, sites, hardware models."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO

import sqlalchemy as sa
from PIL import Image, ImageDraw, ImageFont
from sqlalchemy.orm import Session

from devices.edits import create_model
from devices.models import HardwareModel
from haas import db
from haas.accounts.branding import edit_branding
from haas.accounts.clients import create_client
from haas.accounts.company import edit_company
from haas.accounts.partners import create_partner
from haas.accounts.sites import create_site
from haas.accounts.team import create_user
from haas.accounts.tokens import create_token, grantable
from haas.auth.permissions import CLIENT_ADMIN, ROLE_NAMES, permissions_of
from haas.demo.books_told import keep_books
from haas.demo.host import Host
from haas.demo.prices import write_prices
from haas.demo.rates import keep_rates
from haas.demo.scenery import MODELS, ModelScene, PartnerScene
from haas.demo.sign_ins import SignIns
from haas.ids import new_id
from haas.tenancy.models import Client, Partner, Site
from haas.tenancy.scope import Platform, Tenant
from invoicing.models import TaxRate

CLI = Platform("operator", actor="demo", door="cli")


@dataclass(slots=True)
class House:
    """A partner with what the story needs of it."""

    scene: PartnerScene
    tenant: Tenant
    clients: list[Client] = field(default_factory=list)
    sites: dict[str, list[Site]] = field(default_factory=dict)
    models: dict[str, HardwareModel] = field(default_factory=dict)
    rents: dict[str, Decimal] = field(default_factory=dict)


def find_or_create_partner(scene: PartnerScene) -> Partner:
    """The partner's own row, which is committed before the rest of its house."""
    with db.unit_of_work(CLI) as session:
        found = session.scalar(sa.select(Partner).where(Partner.slug == scene.slug))
        return found or create_partner(
            session,
            name=scene.name,
            legal_name=scene.legal_name,
            country=scene.country,
            currency=scene.currency,
            language=scene.language,
            time_zone=scene.time_zone,
            slug=scene.slug,
        )


def furnish(
    session: Session,
    house: House,
    *,
    sign_ins: SignIns,
    pepper: str,
    since: datetime,
    now: datetime,
    host: Host | None = None,
) -> None:
    """People, branding, taxes, clients, sites and models, in the house's own transaction."""
    scene, tenant = house.scene, house.tenant
    edit_branding(
        session,
        tenant,
        changes={
            "display_name": scene.name,
            "legal_name": scene.legal_name,
            "address_lines": list(scene.address),
            "accent_colour": scene.accent,
            "footer_lines": list(scene.footer),
            "payment_lines": list(scene.payment),
            "website": f"https://www.{scene.domain}",
            "support_contact": scene.support,
            "sender_name": scene.name,
            "sender_email": f"billing@{scene.domain}",
            "language": scene.language,
            "page_size": scene.page_size,
            "time_zone": scene.time_zone,
        },
        logo=draw_logo(scene),
    )
    edit_company(session, tenant, changes=scene.company)
    _set_taxes(session, house)
    _hire(session, house, sign_ins=sign_ins, pepper=pepper, now=now)
    for client_scene in scene.clients:
        client = create_client(
            session,
            tenant,
            name=client_scene.name,
            legal_name=client_scene.legal_name,
            email=client_scene.email,
            address=list(client_scene.address),
            tax_id=client_scene.tax_id,
            **client_scene.more,
        )
        house.clients.append(client)
        house.sites[client.id] = [
            create_site(session, tenant, client_id=client.id, name=name, address=list(address))
            for name, address in client_scene.sites
        ]
    _admit_client_admin(session, house, sign_ins=sign_ins)
    for model in [*MODELS, *([_host_model(host)] if host else [])]:
        house.models[model.key] = create_model(
            session,
            tenant,
            manufacturer=model.manufacturer,
            name=model.name,
            category=model.category,
            list_cost=(Decimal(model.cost) * scene.price_factor).quantize(Decimal("0.01")),
            currency=scene.currency,
            useful_life_months=model.life_months,
            residual_value_pct=Decimal(model.residual_pct),
            specs=model.specs,
            kit=model.kit,
            data_bearing=model.data_bearing,
            at=since,
        )
        house.rents[model.key] = (Decimal(model.rent) * scene.price_factor).quantize(Decimal("0.01"))
    write_prices(session, house, since=since, now=now)
    keep_books(session, house)
    keep_rates(session, house, since=since, now=now)


def _host_model(host: Host) -> ModelScene:
    return ModelScene("host", host.manufacturer, host.product, "server", "1900.00", "64.00", 48, "5")


def draw_logo(scene: PartnerScene) -> bytes:
    """A plain monogram in the partner's colour, as PNG."""
    picture = Image.new("RGBA", (640, 160), (255, 255, 255, 0))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((0, 0, 159, 159), radius=34, fill=scene.accent)
    pen.text((80, 82), scene.initials, font=ImageFont.load_default(76), fill="#ffffff", anchor="mm")
    pen.text((188, 82), scene.name, font=ImageFont.load_default(52), fill=scene.accent, anchor="lm")
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def _set_taxes(session: Session, house: House) -> None:
    scene = house.scene
    session.add_all(
        TaxRate(
            partner_id=house.tenant.partner_id,
            id=new_id("tax"),
            country=scene.country,
            category=category,
            rate_pct=Decimal(rate),
            name=name,
            valid_from=date(2020, 1, 1),
        )
        for category, rate, name in (("S", scene.tax_rate_pct, scene.tax_name), ("Z", "0", "0 %"))
    )
    session.flush()


def _hire(session: Session, house: House, *, sign_ins: SignIns, pepper: str, now: datetime) -> None:
    scene = house.scene
    for role, name in scene.people:
        email = f"{_plain(name.split()[0])}@{scene.domain}"
        password = sign_ins.add_person(
            house=scene.name, who=f"{name}, {ROLE_NAMES[role].lower()}", email=email
        )
        user = create_user(session, house.tenant, name=name, email=email, role=role, password=password)
        if role == "partner.owner":
            held = permissions_of(role)
            _, token = create_token(
                session,
                house.tenant,
                user=user,
                held=held,
                name="demo",
                scopes=grantable(held),
                lasts_days=365,
                pepper=pepper,
                now=now,
            )
            sign_ins.add_token(house=scene.name, name="demo", token=token)


def _admit_client_admin(session: Session, house: House, *, sign_ins: SignIns) -> None:
    scene, client = house.scene, house.clients[0]
    email = f"{_plain(scene.client_admin.split()[0])}@{client.email.split('@')[1]}"
    password = sign_ins.add_person(house=scene.name, who=f"{scene.client_admin}, client", email=email)
    create_user(
        session,
        house.tenant,
        name=scene.client_admin,
        email=email,
        role=CLIENT_ADMIN,
        client_id=client.id,
        password=password,
    )


def _plain(name: str) -> str:
    return name.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
