"""Mail: text and HTML in the partner's name and the reader's language, to a server or a folder."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from haas import mail
from haas.mail import Attachment, Letter, MailNotSent
from haas.settings import Settings
from haas.tenancy.branding import Branding

NOW = datetime(2026, 6, 15, 9, 0, tzinfo=UTC)
BRANDING = Branding(
    display_name="Northwind & Söhne",
    legal_name="Northwind IT Inc.",
    sender_name="Northwind billing",
    sender_email="billing@northwind.example",
    footer_lines=("Register 12345",),
    support_contact="+1 555 0100",
)


def letter(**changes: Any) -> Letter:
    facts: dict[str, Any] = {
        "message": "invitation",
        "to": "zoe@x.example",
        "to_name": "Zoe <script>",
        "branding": BRANDING,
        "message_id": "evt_1",
        "time_zone": "Europe/Berlin",
        "values": {"inviter": "Ana", "link": "https://h.example/i/secret", "expires_at": NOW},
    }
    return Letter(**{**facts, **changes})


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose mail goes to a folder of the test's own."""
    return replace(settings, mail_url=f"folder://{tmp_path}", base_url="https://haas.example")


class Server(socketserver.ThreadingTCPServer):
    """Just enough SMTP to take one message, and to refuse when told so."""

    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.taken: list[bytes] = []
        self.refuses = False

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class Conversation(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.wfile.write(b"250-here\r\n250 SMTPUTF8\r\n")
            elif verb == b"DATA":
                self.wfile.write(b"354 go\r\n")
                self.server.taken.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                self.wfile.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"451 later\r\n" if self.server.refuses else b"250 yes\r\n")


@pytest.fixture
def server() -> Iterator[Server]:
    """A mail server on this machine."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class TestALetter:
    def test_has_a_text_and_an_html_part_in_the_partners_name(self, folder: Settings) -> None:
        made = mail.compose(folder, letter(), now=NOW)
        assert str(made["From"]) == "Northwind billing <billing@northwind.example>"
        assert made["Subject"] == "Your account at Northwind & Söhne"
        text = made.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        page = made.get_body(("html",)).get_content()  # type: ignore[union-attr]
        assert "https://h.example/i/secret" in text
        assert "https://h.example/i/secret" in page
        assert "Register 12345" in text

    def test_escapes_in_html_and_not_in_text(self, folder: Settings) -> None:
        made = mail.compose(folder, letter(), now=NOW)
        assert "Zoe &lt;script&gt;" in made.get_body(("html",)).get_content()  # type: ignore[union-attr]
        assert "Zoe <script>" in made.get_body(("plain",)).get_content()  # type: ignore[union-attr]

    def test_tells_times_in_the_readers_zone_and_says_which(self, folder: Settings) -> None:
        body = mail.compose(folder, letter(), now=NOW).get_body(("plain",))
        assert body is not None
        text = body.get_content()
        assert "11:00:00" in text.replace("\u202f", " ")
        assert "(Europe/Berlin)" in text

    def test_names_its_sender_itself_when_the_partner_has_no_address(self, folder: Settings) -> None:
        plain = Branding(display_name="Northwind", legal_name="N")
        made = mail.compose(folder, letter(branding=plain), now=NOW)
        assert str(made["From"]) == "Northwind <no-reply@haas.example>"

    def test_has_one_id_however_often_it_is_made(self, folder: Settings) -> None:
        ids = {mail.compose(folder, letter(), now=NOW)["Message-ID"] for _ in range(2)}
        assert ids == {"<evt_1@haas.example>"}

    @pytest.mark.parametrize(
        "sly", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\0", "\u202e", "\u2066\u200b"]
    )
    def test_cannot_be_given_another_head_or_look_by_a_name(self, folder: Settings, sly: str) -> None:
        name = f"Nord{sly}Bcc: all@x.example"
        made = mail.compose(
            folder,
            letter(
                branding=Branding(display_name=name, legal_name="N"),
                to_name=name,
                attachments=(Attachment(f"{name}.pdf", "application/pdf", b"%PDF-1.7"),),
            ),
            now=NOW,
        )
        arrived = email.message_from_bytes(made.as_bytes(), policy=email.policy.default)
        assert arrived["Bcc"] is None
        (attached,) = arrived.iter_attachments()
        seen = [arrived["Subject"], *(arrived[head].addresses[0].display_name for head in ("From", "To"))]
        for text in (*seen, attached.get_filename()):
            assert sly not in text
            assert text.count("Nord") == 1

    @pytest.mark.parametrize(
        "address", ["a@x.example\r\nBcc: b@x.example", "a@x.example\nb", "a b@x.example"]
    )
    def test_goes_to_no_address_of_two_lines(self, folder: Settings, address: str) -> None:
        with pytest.raises(ValueError, match=r"address|parameter|local-part"):
            mail.compose(folder, letter(to=address), now=NOW)

    def test_keeps_names_that_need_joiners(self, folder: Settings) -> None:
        name = "می‌خواهم 👩‍💻"
        arrived = email.message_from_bytes(
            mail.compose(folder, letter(to_name=name), now=NOW).as_bytes(), policy=email.policy.default
        )
        assert arrived["To"].addresses[0].display_name == name

    def test_carries_files(self, folder: Settings) -> None:
        paper = Attachment("invoice.pdf", "application/pdf", b"%PDF-1.7")
        made = mail.compose(folder, letter(attachments=(paper,)), now=NOW)
        (attached,) = made.iter_attachments()
        assert (attached.get_filename(), attached.get_content()) == ("invoice.pdf", b"%PDF-1.7")

    @pytest.mark.parametrize("name", ["invitation", "password_reset", "password_changed", "audit_anchor"])
    @pytest.mark.parametrize("language", ["en", "de", "es"])
    def test_of_every_kind_can_be_made_in_every_language(
        self, folder: Settings, name: str, language: str
    ) -> None:
        values = {
            "inviter": "Ana",
            "link": "https://h.example/x",
            "expires_at": NOW,
            "changed_at": NOW,
            "anchored_on": NOW.date(),
            "links": 7,
            "head": "ab" * 32,
            "broken_at": None,
            "partner_name": "Northwind",
        }
        made = mail.compose(folder, letter(message=name, language=language, values=values), now=NOW)
        assert made["Subject"]


class TestDelivery:
    def test_to_a_folder_writes_one_file_however_often_it_is_sent(
        self, folder: Settings, tmp_path: Path
    ) -> None:
        for _ in range(2):
            mail.send(folder, letter(), now=NOW)
        (path,) = tmp_path.iterdir()
        read = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert read["Subject"] == "Your account at Northwind & Söhne"

    def test_to_a_server_hands_the_message_over(self, settings: Settings, server: Server) -> None:
        mail.send(replace(settings, mail_url=server.url), letter(), now=NOW)
        read = email.message_from_bytes(server.taken[0], policy=email.policy.default)
        assert read["To"].addresses[0].addr_spec == "zoe@x.example"

    def test_that_is_refused_is_an_error_to_be_tried_again(self, settings: Settings, server: Server) -> None:
        server.refuses = True
        with pytest.raises(MailNotSent):
            mail.send(replace(settings, mail_url=server.url), letter(), now=NOW)

    @pytest.mark.parametrize("url", ["smtp://127.0.0.1:1", "", "http://x.example"])
    def test_to_nowhere_is_an_error(self, settings: Settings, url: str) -> None:
        with pytest.raises(MailNotSent):
            mail.send(replace(settings, mail_url=url), letter(), now=NOW)

    @pytest.mark.parametrize(
        ("url", "wanted"),
        [
            ("smtp://mail.example", True),
            ("smtp://mail.example?tls=never", False),
            ("smtp://127.0.0.1:2525", False),
        ],
    )
    def test_to_another_machine_asks_for_tls(self, url: str, *, wanted: bool) -> None:
        assert mail._wants_tls(urlsplit(url)) is wanted
