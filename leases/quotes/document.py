"""QuoteDocument: all that a client is told, as one frozen value; page, paper and hash are made from it.

Nothing in it tells what anything costs the partner.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal

import msgspec

from haas.tenancy.branding import Branding


class OfferedLine(msgspec.Struct, frozen=True, kw_only=True):
    """So many of one thing."""

    kind: str
    component: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


class LeavingEarly(msgspec.Struct, frozen=True, kw_only=True):
    """What giving everything back costs after so many months."""

    after_months: int
    charge: Decimal


class OfferedOption(msgspec.Struct, frozen=True, kw_only=True):
    """One way to have it, with what it comes to."""

    id: str
    title: str
    commercial_model: str
    term_months: int
    timing: str
    interval_months: int
    end_option: str
    buyout_price: Decimal | None = None
    lines: tuple[OfferedLine, ...]
    rent: Decimal
    monthly: Decimal
    one_off: Decimal
    total: Decimal
    early_return_pct: Decimal = Decimal(0)
    leaving_early: tuple[LeavingEarly, ...] = ()

    @property
    def is_bound(self) -> bool:
        """Whether it runs for its term; a rental ends by notice."""
        return self.commercial_model != "rental"


class QuoteDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a quote as it was sent."""

    branding: Branding
    language: str = "en"
    number: str
    revision: int
    title: str = ""
    client_name: str
    client_address_lines: tuple[str, ...] = ()
    contact_name: str = ""
    site: str = ""
    issued_on: date
    valid_until: date
    deliver_by: date | None = None
    currency: str
    intro: str = ""
    notice_days: int
    options: tuple[OfferedOption, ...]
    terms_version: str
    terms_sha256: str
    terms: str

    @property
    def full_number(self) -> str:
        """The number with its version, which alone says what was offered."""
        return f"{self.number}-{self.revision}"

    @property
    def intro_paragraphs(self) -> list[str]:
        """The words before the options, set as the terms are."""
        return paragraphs(self.intro)

    @property
    def terms_paragraphs(self) -> list[str]:
        """The text of the terms as it is set: an empty line parts paragraphs."""
        return paragraphs(self.terms)

    def option(self, option_id: str) -> OfferedOption | None:
        """The option by its id."""
        return next((option for option in self.options if option.id == option_id), None)

    def to_json(self) -> bytes:
        """Canonical JSON with the logo named by its hash: equal documents give equal bytes."""
        lean = msgspec.structs.replace(self, branding=self.branding.lean())
        return msgspec.json.encode(lean, order="deterministic")

    @classmethod
    def from_json(cls, data: bytes | str) -> QuoteDocument:
        """The value as it was frozen; the logo's bytes are not in it (`Branding.with_logo`)."""
        return msgspec.json.decode(data, type=cls)

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json()).hexdigest()


class AcceptanceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Who agreed to what, when and from where: a page of its own behind the option that was chosen."""

    quote: QuoteDocument
    option_id: str
    document_sha256: str
    signer_name: str
    signer_title: str = ""
    accepted_at: datetime
    address: str = ""
    user_agent: str = ""
    via: str
    agreement_number: str
    lease_number: str


def paragraphs(text: str) -> list[str]:
    """Paragraphs of a plain text, parted by empty lines."""
    return [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]


def text_hash(text: str) -> str:
    """SHA-256 of a text as it is kept."""
    return hashlib.sha256(text.encode()).hexdigest()
