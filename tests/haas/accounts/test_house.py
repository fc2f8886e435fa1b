"""Branding, general settings and the audit log's page."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy.orm import Session

from haas import db
from haas.accounts import branding
from haas.auth.models import User
from haas.errors import InvalidInput
from haas.tenancy.brands import branding_of
from haas.tenancy.logos import PartnerLogo
from haas.tenancy.models import Partner
from tests.cast import Cast

Web = Callable[[User | None], FlaskClient]

FORM = {
    "display_name": "Brightside",
    "legal_name": "Brightside Inc.",
    "accent_colour": "#AA3300",
    "page_size": "letter",
    "address_lines": "1 Main Street\r\n\r\nSpringfield",
}


def png(colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (200, 80), colour).save(out, "PNG")
    return out.getvalue()


def partner_of(session: Session, cast: Cast) -> Partner:
    return session.get_one(Partner, cast.northwind.id, populate_existing=True)


class TestBranding:
    def test_is_kept_as_lines_and_a_small_colour(self, web: Web, cast: Cast, session: Session) -> None:
        assert web(cast.ana).post("/settings/branding", data=FORM).status_code == 302
        kept = branding_of(session, partner_of(session, cast))
        assert (kept.display_name, kept.accent_colour) == ("Brightside", "#aa3300")
        assert kept.address_lines == ("1 Main Street", "Springfield")

    def test_keeps_a_logo_drawn_anew_and_the_one_before_for_old_paper(
        self, web: Web, cast: Cast, session: Session
    ) -> None:
        browser = web(cast.ana)
        for colour in ("red", "blue"):
            upload = (io.BytesIO(png(colour)), "logo.png")
            answer = browser.post("/settings/branding", data={**FORM, "logo": upload})
            assert answer.status_code == 302
        kept = branding_of(session, partner_of(session, cast))
        assert kept.logo is not None
        assert kept.logo.png is not None
        assert Image.open(io.BytesIO(kept.logo.png)).getpixel((5, 5)) == (0, 0, 255)
        assert session.query(PartnerLogo).count() == 2

    def test_loses_the_logo_when_asked_to(self, cast: Cast, session: Session) -> None:
        branding.edit_branding(session, cast.tenant, changes={}, logo=png())
        kept = branding.edit_branding(session, cast.tenant, changes={}, remove_logo=True)
        assert kept.logo is None

    def test_refuses_svg_beside_its_field(self, web: Web, cast: Cast) -> None:
        upload = (io.BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "logo.svg")
        answer = web(cast.ana).post("/settings/branding", data={**FORM, "logo": upload})
        assert answer.status_code == 422
        assert "SVG" in answer.text

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("accent_colour", "red;}"),
            ("website", "javascript:alert(1)"),
            ("sender_email", "a@x.example\nBcc: b@x.example"),
            ("footer_lines", ["x"] * 7),
            ("display_name", ""),
        ],
    )
    def test_refuses_what_would_not_print(
        self, cast: Cast, session: Session, field: str, value: object
    ) -> None:
        with pytest.raises(InvalidInput) as refusal:
            branding.edit_branding(session, cast.tenant, changes={field: value})
        assert field in refusal.value.fields

    def test_is_previewed_without_being_kept(self, web: Web, cast: Cast, session: Session) -> None:
        page = web(cast.ana).post("/settings/branding/preview", data=FORM).text
        assert "Brightside" in page
        assert branding_of(session, partner_of(session, cast)).display_name == cast.northwind.name

    def test_previews_what_is_wrong_too(self, web: Web, cast: Cast) -> None:
        page = web(cast.ana).post("/settings/branding/preview", data={**FORM, "website": "ftp://x"}).text
        assert "https://" in page


class TestSettings:
    def test_stay_within_bounds(self, web: Web, cast: Cast) -> None:
        answer = web(cast.ana).post(
            "/settings/general",
            data={
                "name": "N",
                "legal_name": "N",
                "language": "en",
                "time_zone": "UTC",
                "currency": "USD",
                "currency_policy": "per_client",
                "payment_terms_days": "999",
            },
        )
        assert answer.status_code == 422
        assert "180" in answer.text

    def test_refuse_half_a_discount_beside_its_field(self, web: Web, cast: Cast) -> None:
        form = {
            "name": "N", "legal_name": "N", "language": "en", "time_zone": "UTC", "currency": "USD",
            "currency_policy": "per_client", "payment_terms_days": "14", "early_discount_pct": "3",
        }  # fmt: skip
        answer = web(cast.ana).post("/settings/general", data=form)
        # The page reads on after the refusal: what was refused must not be written by that.
        assert answer.status_code == 422
        assert "Give both the days and the percentage" in answer.text


class TestTheAuditLog:
    def test_says_what_changed_from_what_to_what(
        self, web: Web, api: Callable[..., FlaskClient], cast: Cast
    ) -> None:
        api(cast.sam).patch(f"/v1/clients/{cast.acme.id}", json={"phone": "+1 555 0100"})
        page = web(cast.fay).get(f"/settings/audit?subject=client&subject_id={cast.acme.id}").text
        assert "<ins>+1 555 0100</ins>" in page

    def test_is_filtered_by_person_and_day(self, web: Web, cast: Cast) -> None:
        browser = web(cast.ana)
        browser.post("/settings/audit/verify")
        mine = browser.get(f"/settings/audit?actor={cast.ana.id}").text
        assert "chain verified" in mine
        assert "No entry fits" in browser.get("/settings/audit?from_day=2099-01-01").text
        assert browser.get("/settings/audit?from_day=tomorrow").status_code == 422

    def test_verifies_the_chain_and_shows_its_head(self, web: Web, cast: Cast) -> None:
        page = web(cast.fay).post("/settings/audit/verify").text
        assert "The chain holds" in page

    def test_is_exported_as_filtered_and_on_the_record(self, web: Web, cast: Cast) -> None:
        browser = web(cast.fay)
        answer = browser.get("/settings/audit/export?subject=client")
        rows = answer.text.splitlines()
        assert rows[0].startswith("\ufeffentry,at,actor")
        assert len(rows) == 3  # the head, Acme and Globex
        assert "exported" in browser.get("/settings/audit").text

    def test_is_closed_to_technicians(self, web: Web, cast: Cast) -> None:
        assert web(cast.ben).get("/settings/audit").status_code == 403

    def test_shows_the_last_anchor(self, web: Web, cast: Cast) -> None:
        from datetime import UTC, datetime

        from haas.accounts import anchors

        report = anchors.anchor_partner(cast.northwind.id, now=datetime.now(UTC))
        assert report is not None
        assert report.head[:16] in web(cast.ana).get("/settings/audit").text

    def test_exports_no_more_than_fits(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        from haas.accounts import audit_log
        from haas.errors import TooLarge

        monkeypatch.setattr(audit_log, "EXPORT_MAX", 3)
        with pytest.raises(TooLarge), db.unit_of_work(cast.tenant) as session:
            list(audit_log.export_rows(session, cast.tenant, wanted=audit_log.Filter()))
