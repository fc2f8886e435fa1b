"""NewEntry: a price as somebody writes it, before it is a row of a book."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _

from devices.identifiers import name_key, tidy
from haas.accounts.checks import check_text
from haas.errors import InvalidInput
from leases.pricing import rules
from leases.pricing.rules import ANY_TERM
from leases.terms import CommercialModel, Component

ITEM_KINDS = ("model", "category", "service")
COMMERCIAL_MODELS = tuple(model.value for model in CommercialModel)
COMPONENTS = tuple(component.value for component in Component)
PRICE_MAX = Decimal("1e9")


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A price to be put into a draft. `item_key` is made from the names if it is not given."""

    item_kind: str
    item_name: str
    price: Decimal
    manufacturer: str = ""
    commercial_model: str = "term"
    component: str = "hardware"
    quantity_from: int = 1
    quantity_until: int | None = None
    term_from: int = ANY_TERM
    term_until: int | None = None

    @property
    def item_key(self) -> str:
        """How the item is compared, in every house alike."""
        if self.item_kind == "model":
            return rules.model_key(name_key(self.manufacturer), name_key(self.item_name))
        return name_key(self.item_name)

    @property
    def printed(self) -> str:
        """How the item is shown."""
        return tidy(f"{self.manufacturer} {self.item_name}")

    def as_value(self, entry_id: str = "") -> rules.Entry:
        """As the rules read it."""
        return rules.Entry(
            id=entry_id,
            item_kind=self.item_kind,
            item_key=self.item_key,
            item_name=self.printed,
            commercial_model=self.commercial_model,
            component=self.component,
            quantity_from=self.quantity_from,
            quantity_until=self.quantity_until,
            term_from=self.term_from,
            term_until=self.term_until,
            price=self.price,
        )


def check_entry(entry: NewEntry) -> None:
    """Refuse a price that could never apply.

    :raises InvalidInput: naming the field.
    """
    if entry.item_kind not in ITEM_KINDS:
        raise InvalidInput(_("A price is of a model, a category or a service."), field="item_kind")
    check_text(entry.printed, field="item_name", most=200)
    if entry.item_kind == "model" and not entry.manufacturer.strip():
        raise InvalidInput(_("Name the maker of the model."), field="manufacturer")
    if entry.commercial_model not in COMMERCIAL_MODELS:
        raise InvalidInput(_("Choose how it is leased."), field="commercial_model")
    if entry.component not in COMPONENTS:
        raise InvalidInput(_("A price is of hardware or of a service."), field="component")
    if not 0 <= entry.price < PRICE_MAX:
        raise InvalidInput(_("The price cannot be negative."), field="price")
    if entry.quantity_from < 1:
        raise InvalidInput(_("A tier begins with 1 or more."), field="quantity_from")
    if entry.quantity_until is not None and entry.quantity_until <= entry.quantity_from:
        raise InvalidInput(_("A tier ends above the number with which it begins."), field="quantity_until")
    if entry.term_from < 0:
        raise InvalidInput(_("A term cannot be negative."), field="term_from")
    if entry.term_until is not None and entry.term_until <= entry.term_from:
        raise InvalidInput(_("The terms end above the one with which they begin."), field="term_until")
