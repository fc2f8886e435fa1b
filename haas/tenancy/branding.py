"""A partner's logo, colours, legal lines and sender, as one frozen value that paper and mail print from."""

from __future__ import annotations

import hashlib
import re
from typing import Literal, Self
from zoneinfo import available_timezones

import msgspec

from haas.errors import InvalidInput

PageSize = Literal["a4", "letter"]

LANGUAGES: dict[str, str] = {"en": "English", "de": "Deutsch", "es": "Español"}
DEFAULT_ACCENT = "#1f4e79"

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_ZONES = frozenset(available_timezones())


class Logo(msgspec.Struct, frozen=True):
    """A re-encoded PNG and its SHA-256.

    A frozen document may carry the hash alone (`png` is None): the bytes are then stored
    once per partner, and printing demands bytes that have this very hash.
    """

    sha256: str
    png: bytes | None = None

    @classmethod
    def of(cls, png: bytes) -> Self:
        """The logo made of these bytes."""
        return cls(sha256=hashlib.sha256(png).hexdigest(), png=png)

    def __post_init__(self) -> None:
        if self.png is not None and hashlib.sha256(self.png).hexdigest() != self.sha256:
            raise InvalidInput("The logo's bytes are not the ones its hash names.", field="logo")


class Branding(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner's paper, portal and mail look like. Plain text, a colour and a PNG: no markup.

    `payment_lines` are printed in the payment box; a line "IBAN: DE02 …" is set as label and value.
    :raises InvalidInput: for a colour, language, page size or time zone that is not one.
    """

    display_name: str
    legal_name: str
    address_lines: tuple[str, ...] = ()
    accent_colour: str = DEFAULT_ACCENT
    logo: Logo | None = None
    footer_lines: tuple[str, ...] = ()
    payment_lines: tuple[str, ...] = ()
    website: str = ""
    support_contact: str = ""
    sender_name: str = ""
    sender_email: str = ""
    language: str = "en"
    page_size: PageSize = "a4"
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        if not self.display_name.strip():
            raise InvalidInput("A name to print is needed.", field="display_name")
        if not _COLOUR.fullmatch(self.accent_colour):
            raise InvalidInput(
                "Give the colour as # and six digits 0-9 or a-f, such as #1f4e79.",
                field="accent_colour",
            )
        if self.language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise InvalidInput(f"Choose one of these languages: {known}.", field="language")
        if self.page_size not in ("a4", "letter"):
            raise InvalidInput("Choose A4 or Letter.", field="page_size")
        if self.time_zone not in _ZONES:
            raise InvalidInput("Choose a time zone such as Europe/Berlin.", field="time_zone")

    def lean(self) -> Branding:
        """The same branding with the logo named by its hash only, small enough to freeze anywhere."""
        if self.logo is None or self.logo.png is None:
            return self
        return msgspec.structs.replace(self, logo=Logo(sha256=self.logo.sha256))

    def with_logo(self, png: bytes) -> Branding:
        """The same branding with the logo's bytes put back.

        :raises InvalidInput: if these are not the bytes whose hash was frozen.
        """
        if self.logo is None:
            raise InvalidInput("This branding was frozen without a logo.", field="logo")
        return msgspec.structs.replace(self, logo=Logo(sha256=self.logo.sha256, png=png))

    def to_json(self) -> bytes:
        """Canonical JSON: the same branding always gives the same bytes."""
        return msgspec.json.encode(self, order="deterministic")

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """The value as it was frozen."""
        return msgspec.json.decode(data, type=cls)
