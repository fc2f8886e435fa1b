"""Pages of the bank, where a line is of more than one client."""

from decimal import Decimal

from haas import db
from haas.tenancy.scope import scoped
from invoicing.money.models import Receipt
from tests.architecture.examples.bank import came_in


class TestALine:
    def test_is_split_over_several_clients(self, cast, web):
        with db.unit_of_work(cast.tenant) as session:
            values = came_in(session, cast)  # 168.48, as much as Acme's invoice
        page, line = web(cast.ana), f"/bank/lines/{values['bank_line_id']}"
        shown = page.get(f"{line}?client={cast.acme.id}&client={cast.globex.id}").text
        assert "Share of Acme Dental" in shown
        assert "Share of Globex" in shown

        form = {
            "shares-0-client_id": cast.acme.id, "shares-0-amount": "100.00",
            "shares-1-client_id": cast.globex.id, "shares-1-amount": "68.00",
            "paid-0-invoice_id": values["invoice_id"], "paid-0-amount": "100.00",
        }  # fmt: skip
        refused = page.post(f"{line}/match", data=form)
        assert refused.status_code == 422
        assert "add up to 168.48" in refused.text

        assert page.post(f"{line}/match", data={**form, "shares-1-amount": "68.48"}).status_code == 303
        with db.unit_of_work(cast.tenant) as session:
            made = session.scalars(scoped(Receipt, cast.tenant).order_by(Receipt.id)).all()
        assert [(row.client_id, row.amount) for row in made] == [
            (cast.acme.id, Decimal("100.00")),
            (cast.globex.id, Decimal("68.48")),
        ]
