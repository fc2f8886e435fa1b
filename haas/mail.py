"""Outgoing mail in a partner's name; the only module that knows SMTP. A folder takes its place in a demo.

Jobs call `send`; a request never does. A repeated job sends the same Message-ID again, so that a mail
program can tell; in a folder the repeat replaces the file.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from babel.dates import format_date, get_timezone
from babel.dates import format_datetime as babel_datetime
from babel.support import NullTranslations, Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context

from haas.settings import Settings
from haas.tenancy.branding import Branding

_ROOT = Path(__file__).parent.parent
_TIMEOUT_SECONDS = 20
# What begins another line, or a header of somebody's own; and what makes a name read otherwise than it is:
# letters that turn the direction of writing, or have no width. Joiners stay: emoji and Persian need them.
_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNSEEN = re.compile(r"[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")


class MailNotSent(RuntimeError):
    """The mail server did not take the message; the outbox tries again."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message: which of `templates/email/`, to whom, in whose name, with what filled in."""

    message: str
    to: str
    branding: Branding
    message_id: str  # stable: the event's id, so that a repeat is the same message
    to_name: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    values: Mapping[str, Any] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    cc: tuple[str, ...] = ()


def send(settings: Settings, letter: Letter, *, now: datetime) -> None:
    """Compose and hand over to `settings.mail_url`.

    :raises MailNotSent: if the server is away or refuses.
    """
    deliver(settings, compose(settings, letter, now=now))


def compose(settings: Settings, letter: Letter, *, now: datetime) -> EmailMessage:
    """The message with a text and an HTML part, in the reader's language."""
    host = urlsplit(settings.base_url).hostname or "localhost"
    environment = _environment(letter.language)
    values = {
        "branding": letter.branding,
        "language": letter.language,
        "time_zone": letter.time_zone,
        "to_name": letter.to_name,
        "base_url": settings.base_url,
        **letter.values,
    }

    def render(name: str) -> str:
        return environment.get_template(f"{letter.message}/{name}").render(values).strip()

    mail = EmailMessage(policy=WIRE)
    mail["Subject"] = _one_line(render("subject.txt"))
    mail["From"] = _sender(letter.branding, host)
    mail["To"] = _address(letter.to_name, letter.to)
    if letter.cc:
        mail["Cc"] = [_address("", address) for address in letter.cc]
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{letter.message_id}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Haas-Message"] = letter.message
    mail.set_content(render("body.txt") + "\n")
    mail.add_alternative(render("body.html") + "\n", subtype="html")
    for attachment in letter.attachments:
        main_type, _, subtype = attachment.media_type.partition("/")
        mail.add_attachment(
            attachment.content,
            maintype=main_type,
            subtype=subtype.split(";")[0],
            filename=_one_line(attachment.name),
        )
    return mail


def deliver(settings: Settings, mail: EmailMessage) -> None:
    """Hand a composed message over.

    :raises MailNotSent: if the server is away or refuses, or no server is set.
    """
    place = urlsplit(settings.mail_url)
    match place.scheme:
        case "folder":
            _write(Path(unquote(place.path)), mail)
        case "smtp" | "smtps":
            _speak_smtp(place, mail)
        case _:
            raise MailNotSent("Set HAAS_MAIL_URL to smtp://…, smtps://… or folder:///a/folder.")


def _speak_smtp(place: SplitResult, mail: EmailMessage) -> None:
    host = place.hostname or "localhost"
    context = ssl.create_default_context()
    try:
        server: smtplib.SMTP
        if place.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, place.port or 465, timeout=_TIMEOUT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, place.port or 587, timeout=_TIMEOUT_SECONDS)
        with server:
            server.ehlo()
            if place.scheme == "smtp" and _wants_tls(place):
                server.starttls(context=context)
                server.ehlo()
            if place.username:
                server.login(unquote(place.username), unquote(place.password or ""))
            server.send_message(mail)
    except (OSError, smtplib.SMTPException) as failure:
        raise MailNotSent(f"{host}: {failure}") from failure


def _wants_tls(place: SplitResult) -> bool:
    """Plain SMTP only to this machine, or where the URL says `?tls=never`."""
    if "never" in parse_qs(place.query).get("tls", []):
        return False
    return place.hostname not in ("localhost", "127.0.0.1", "::1")


def _write(folder: Path, mail: EmailMessage) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "-", f"{str(mail['Message-ID']).split('@')[0]}-{mail['X-Haas-Message']}")
    target = folder / f"{name.strip('-')}.eml"
    draft = target.with_suffix(".part")
    draft.write_bytes(mail.as_bytes())
    draft.replace(target)


def _sender(branding: Branding, host: str) -> Address:
    domain = host if "." in host else f"{host}.localdomain"
    return _address(
        branding.sender_name or branding.display_name, branding.sender_email or f"no-reply@{domain}"
    )


def _address(name: str, address: str) -> Address:
    return Address(display_name=_one_line(name), addr_spec=address)


def _one_line(text: str) -> str:
    """As it may stand in a header."""
    return _UNSEEN.sub("", _LINE_BREAKS.sub(" ", text))


@lru_cache(maxsize=8)
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_ROOT / "templates" / "email"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = Translations.load(_ROOT / "haas" / "translations", [language])
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        words if isinstance(words, Translations) else NullTranslations(), newstyle=True
    )
    environment.filters["day"] = lambda day: format_date(day, "long", locale=language)
    environment.filters["moment"] = _moment
    return environment


@pass_context
def _moment(context: Context, at: datetime) -> str:
    """In the reader's zone, and says which."""
    zone = str(context["time_zone"])
    words = babel_datetime(at, "medium", tzinfo=get_timezone(zone), locale=str(context["language"]))
    return f"{words} ({zone})"
