"""Fill an empty database with the demo's partners, each in one transaction: a stop loses nothing."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from haas import clock, db
from haas.accounts.team import create_user
from haas.auth.models import User
from haas.auth.permissions import OPERATOR
from haas.demo.banked import keep_an_account
from haas.demo.books import keep_books
from haas.demo.exports_told import export_to_books
from haas.demo.host import Host, this_machine
from haas.demo.houses import CLI, House, find_or_create_partner, furnish
from haas.demo.operators_house import open_operators_house
from haas.demo.payments_told import take_payments
from haas.demo.prices import plan_a_rise
from haas.demo.scenery import PARTNERS, PartnerScene
from haas.demo.sign_ins import SignIns
from haas.demo.story import Story
from haas.settings import Settings
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped

# (step, done, total): how far it is.
Report = Callable[[str, int, int], None]
OPERATOR_EMAIL = "operator@haas.example"


def seed(settings: Settings, report: Report) -> None:
    """Two partners with three clients each, their fleet, leases in every state and a year of invoices.

    What is there already is left alone; sign-ins and API tokens are in `sign-ins.json` in the data folder.
    """
    db.configure(settings.database_url)
    sign_ins = SignIns.load(settings.data_dir, address=settings.base_url)
    _seed_operator(sign_ins)
    for number, scene in enumerate(PARTNERS):
        host = this_machine() if number == 0 else None
        _seed_partner(scene, settings=settings, sign_ins=sign_ins, report=report, host=host)
    open_operators_house(settings, PARTNERS)


def _seed_operator(sign_ins: SignIns) -> None:
    with db.unit_of_work(CLI) as session:
        if session.scalar(sa.select(User).where(User.email_norm == OPERATOR_EMAIL)):
            return
        password = sign_ins.add_person(house="haas", who="Olga Reyes, operator", email=OPERATOR_EMAIL)
        create_user(session, CLI, name="Olga Reyes", email=OPERATOR_EMAIL, role=OPERATOR, password=password)
        sign_ins.save()


def _seed_partner(
    scene: PartnerScene, *, settings: Settings, sign_ins: SignIns, report: Report, host: Host | None
) -> None:
    partner = find_or_create_partner(scene)
    tenant = Tenant(partner.id, actor="demo", door="cli")
    now = clock.now()
    with db.unit_of_work(tenant) as session:
        if session.scalar(scoped(Client, tenant).limit(1)):
            return
        house = House(scene, tenant)
        story = Story(house, today=clock.today(scene.time_zone), portal_url=settings.base_url, host=host)
        furnish(
            session,
            house,
            sign_ins=sign_ins,
            pepper=settings.secret_key,
            since=story.begins,
            now=now,
            host=host,
        )
        story.play(session, lambda done, total: report(f"a year at {scene.name}", done, total))
        plan_a_rise(session, house, now=now)
        keep_books(session, tenant, today=clock.today(scene.time_zone), at=now)
        keep_an_account(session, tenant, today=clock.today(scene.time_zone), at=now)
        export_to_books(session, tenant, at=now)
        # Before the commit: a password that nobody was told would lock the demo.
        sign_ins.save()
    take_payments(house, settings=settings, now=now)
