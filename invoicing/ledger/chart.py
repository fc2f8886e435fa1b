"""The chart of accounts that a partner begins with, and what each account is for. Pure.

Code posts to a purpose, never to a code: which account a purpose stands for is the partner's own mapping.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from haas.calendar import add_months

ASSET, LIABILITY, EQUITY, INCOME, EXPENSE = KINDS = ("asset", "liability", "equity", "income", "expense")


class Book(StrEnum):
    """A ledger beside others: the financial one has everything, the others their own view of the assets."""

    FINANCIAL = "financial"
    TAX = "tax"
    MARGIN = "margin"

    @property
    def depreciation_name(self) -> str:
        """The name of the depreciation books that are posted here."""
        return "book" if self is Book.FINANCIAL else self.value


class Purpose(StrEnum):
    """What an amount is for."""

    BANK = "bank"
    RECEIVABLES = "receivables"
    DEFERRED_RENT = "deferred_rent"  # billed less earned: a liability when billed ahead, else an asset
    STOCK = "stock"
    ACQUISITION = "acquisition"  # clears against the supplier's invoice
    EQUIPMENT = "equipment"
    ACCUMULATED_DEPRECIATION = "accumulated_depreciation"
    NET_INVESTMENT = "net_investment"
    UNGUARANTEED_RESIDUAL = "unguaranteed_residual"
    TAX_PAYABLE = "tax_payable"
    DEPOSITS = "deposits"
    FUNDER = "funder"
    PROCEEDS = "proceeds"  # clears against the invoice for what was bought or lost
    RENT = "rent"
    SERVICE = "service"
    INTERIM = "interim"  # interim rent and holdover, earned as billed
    DAMAGE = "damage"  # damage, early return
    DISCOUNTS = "discounts"  # on invoices, surcharges on the other side
    INTEREST = "interest"
    SELLING_PROFIT = "selling_profit"
    GAIN = "gain"
    DEPRECIATION = "depreciation"
    IMPAIRMENT = "impairment"
    COST_OF_SALES = "cost_of_sales"
    FUNDER_INTEREST = "funder_interest"
    PREPAYMENTS = "prepayments"  # what clients have to their credit
    REFUNDS = "refunds"  # asked for, until bank or provider has paid it
    PROVIDER = "provider"  # money that a payment provider has not paid out yet
    PAYMENT_FEES = "payment_fees"
    GOODWILL = "goodwill"
    LATE_FEES = "late_fees"
    BAD_DEBT = "bad_debt"
    EXCHANGE_GAIN = "exchange_gain"  # realised by payments
    EXCHANGE_LOSS = "exchange_loss"
    CONVERSION = "conversion"  # their other side: foreign money is worth more or less than when it was billed
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class DefaultAccount:
    """An account as it is seeded; names and codes may be changed afterwards."""

    code: str
    name: str
    kind: str
    purpose: Purpose


P = Purpose
# fmt: off
DEFAULT_CHART: tuple[DefaultAccount, ...] = (
    DefaultAccount("1000", "Bank",                           ASSET,     P.BANK),
    DefaultAccount("1050", "Money with payment providers",   ASSET,     P.PROVIDER),
    DefaultAccount("1100", "Receivables",                    ASSET,     P.RECEIVABLES),
    DefaultAccount("1200", "Equipment in stock",             ASSET,     P.STOCK),
    DefaultAccount("1500", "Lease equipment, at cost",       ASSET,     P.EQUIPMENT),
    DefaultAccount("1590", "Accumulated depreciation",       ASSET,     P.ACCUMULATED_DEPRECIATION),
    DefaultAccount("1600", "Net investment in leases",       ASSET,     P.NET_INVESTMENT),
    DefaultAccount("1650", "Unguaranteed residual value",    ASSET,     P.UNGUARANTEED_RESIDUAL),
    DefaultAccount("1900", "Disposal proceeds, clearing",    ASSET,     P.PROCEEDS),
    DefaultAccount("1950", "Conversion of foreign money",    ASSET,     P.CONVERSION),
    DefaultAccount("2000", "Acquisitions, clearing",         LIABILITY, P.ACQUISITION),
    DefaultAccount("2200", "Tax payable",                    LIABILITY, P.TAX_PAYABLE),
    DefaultAccount("2300", "Deferred and unbilled rent",     LIABILITY, P.DEFERRED_RENT),
    DefaultAccount("2400", "Deposits held",                  LIABILITY, P.DEPOSITS),
    DefaultAccount("2500", "Owed to funders",                LIABILITY, P.FUNDER),
    DefaultAccount("2600", "Customers' credit",              LIABILITY, P.PREPAYMENTS),
    DefaultAccount("2650", "Refunds on their way",           LIABILITY, P.REFUNDS),
    DefaultAccount("4000", "Rent",                           INCOME,    P.RENT),
    DefaultAccount("4100", "Services",                       INCOME,    P.SERVICE),
    DefaultAccount("4200", "Interim rent and holdover",      INCOME,    P.INTERIM),
    DefaultAccount("4300", "Damage and early return",        INCOME,    P.DAMAGE),
    DefaultAccount("4350", "Discounts and surcharges",       INCOME,    P.DISCOUNTS),
    DefaultAccount("4400", "Interest on leases",             INCOME,    P.INTEREST),
    DefaultAccount("4500", "Sales of leased equipment",      INCOME,    P.SELLING_PROFIT),
    DefaultAccount("4700", "Gain and loss on disposal",      INCOME,    P.GAIN),
    DefaultAccount("4600", "Late fees",                      INCOME,    P.LATE_FEES),
    DefaultAccount("4800", "Exchange gains",                 INCOME,    P.EXCHANGE_GAIN),
    DefaultAccount("4900", "Goodwill to customers",          INCOME,    P.GOODWILL),
    DefaultAccount("5000", "Cost of leased equipment sold",  EXPENSE,   P.COST_OF_SALES),
    DefaultAccount("6000", "Depreciation",                   EXPENSE,   P.DEPRECIATION),
    DefaultAccount("6100", "Impairment",                     EXPENSE,   P.IMPAIRMENT),
    DefaultAccount("6500", "Interest to funders",            EXPENSE,   P.FUNDER_INTEREST),
    DefaultAccount("6600", "Fees of banks and providers",    EXPENSE,   P.PAYMENT_FEES),
    DefaultAccount("6700", "Losses on receivables",          EXPENSE,   P.BAD_DEBT),
    DefaultAccount("6800", "Exchange losses",                EXPENSE,   P.EXCHANGE_LOSS),
    DefaultAccount("6900", "Rounding differences",           EXPENSE,   P.ROUNDING),
)
# fmt: on

# What an invoice line's kind is income of. Base rent waits in DEFERRED_RENT until its days have passed.
LINE_PURPOSES: dict[str, Purpose] = {
    "rent": P.DEFERRED_RENT,
    "interim_rent": P.INTERIM,
    "holdover": P.INTERIM,
    "damage": P.DAMAGE,
    "loss": P.PROCEEDS,
    "early_return": P.DAMAGE,
    "buy_out": P.PROCEEDS,
    "service": P.SERVICE,
    "one_off": P.SERVICE,
    "charge": P.SERVICE,
    "late_fee": P.LATE_FEES,
    "manual": P.SERVICE,
}


def month_of(day: date) -> date:
    """The first day of its month: how a period is named."""
    return day.replace(day=1)


def period_for(dated_on: date, *, first_open: date | None) -> date:
    """The month in which a fact is posted: its own, or the first open one if that is locked."""
    own = month_of(dated_on)
    return own if first_open is None or own >= first_open else first_open


def months_between(first: date, last: date) -> list[date]:
    """Every month from one to the other, both included."""
    months = []
    while first <= last:
        months.append(first)
        first = add_months(first, 1)
    return months
