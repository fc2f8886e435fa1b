"""What surrounds every page: menu by permission, brand, theme, static files, errors."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from haas import db
from haas.auth.models import User
from haas.auth.permissions import PERMISSIONS
from haas.documents.contrast import TEXT_RATIO, contrast
from haas.portal import branding, navigation, statics
from haas.portal.appearance import local_address
from haas.portal.states import STATES
from haas.tenancy.branding import Logo
from haas.tenancy.logos import PartnerLogo
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform
from tests.cast import NOW

TEMPLATES = Path(__file__).parents[3] / "templates"
ICONS = set(tomllib.loads((Path(navigation.__file__).parent / "vendor.toml").read_text())["icons"]["names"])
INLINE = re.compile(r"<style|<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son[a-z]+=|hx-on|javascript:")
PNG = b"\x89PNG\r\n\x1a\n"


def menu(page: str) -> list[str]:
    """The addresses of the left rail."""
    rail = re.search(r'<aside class="rail".*?</aside>', page, re.DOTALL)
    assert rail is not None
    return re.findall(r'class="rail-link[^"]*" href="([^"]+)"', rail[0])


class TestMenu:
    def test_shows_staff_what_their_role_may_open(self, web, cast):
        for user in (cast.ana, cast.sam, cast.fay, cast.ben):
            browser = web(user)
            links = menu(browser.get("/").text)
            assert "/jobs" in links
            for link in links:
                assert browser.get(link).status_code in (200, 302), (user.role, link)

    @pytest.mark.parametrize(
        ("page", "entry"),
        [("/leases", "/leases"), ("/settings/lease-ends", "/settings/lease-ends"), ("/returns", "/leases")],
    )
    def test_marks_the_one_entry_that_a_page_stands_beneath(self, page, entry, web, cast):
        found = re.findall(
            r'class="rail-link[^"]*" href="([^"]+)" aria-current="page"', web(cast.ana).get(page).text
        )
        assert found == [entry]

    def test_hides_jobs_and_settings_from_a_client(self, web, cast):
        links = menu(web(cast.vic).get("/").text)
        assert "/" in links
        assert not any(link.startswith(("/jobs", "/settings", "/clients", "/alerts")) for link in links)

    def test_marks_the_page_one_is_on(self, web, cast):
        assert re.search(r'href="/jobs" aria-current="page"', web(cast.ana).get("/jobs").text)

    def test_asks_for_permissions_of_the_table(self):
        entries = [*navigation.MAIN, *navigation.SETTINGS, *navigation.OPERATOR]
        assert {entry.permission for entry in entries} <= set(PERMISSIONS)
        keys = [entry.key for entry in navigation.MAIN if entry.key]
        assert len(keys) == len(set(keys))


class TestIcons:
    def test_of_states_and_menu_are_in_the_sprite(self):
        used = {look.icon for table in STATES.values() for look in table.values()}
        used |= {entry.icon for entry in (*navigation.MAIN, *navigation.SETTINGS, *navigation.OPERATOR)}
        assert used - ICONS == set()

    def test_of_the_templates_are_in_the_sprite(self):
        pattern = re.compile(r"""(?:icon|empty)\(["']([a-z0-9-]+)["']""")
        used = {
            (path.name, name)
            for path in TEMPLATES.joinpath("portal").rglob("*.html")
            for name in pattern.findall(path.read_text())
        }
        assert {pair for pair in used if pair[1] not in ICONS} == set()


class TestTemplates:
    def test_hold_no_inline_style_script_or_handler(self):
        found = [
            (path.name, hit)
            for folder in ("portal", "errors")
            for path in TEMPLATES.joinpath(folder).rglob("*.html")
            for hit in re.findall(
                r"<style|<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son[a-z]+=|hx-on|javascript:",
                path.read_text(),
            )
        ]
        assert found == []


class TestBrand:
    def test_is_the_partners_on_every_page(self, web, cast):
        page = web(cast.ada).get("/").text
        assert "Northwind IT" in page
        assert "/branding/1f4e79.css" in page

    def test_wears_accent_and_logo_of_the_partner(self, app, web, cast):
        logo = Logo.of(PNG)
        with db.unit_of_work(cast.tenant) as session:
            session.add(PartnerLogo(partner_id=cast.northwind.id, id=logo.sha256, png=PNG, created_at=NOW))
        with db.unit_of_work(Platform()) as session:
            partner = session.get(Partner, cast.northwind.id)
            assert partner is not None
            partner.branding = {
                "display_name": "Northwind",
                "accent_colour": "#e8590c",
                "logo": {"sha256": logo.sha256},
            }
        page = web(cast.vic).get("/").text
        assert "/branding/e8590c.css" in page
        address = f"/branding/logo/{cast.northwind.id}/{logo.sha256}.png"
        assert f'<img class="brand-logo" src="{address}" alt="Northwind">' in page
        # Sign-in pages show it before anyone is known; nobody else's address leads to it.
        answer = web(None).get(address)
        assert (answer.data, answer.mimetype) == (PNG, "image/png")
        assert web(None).get(address.replace(cast.northwind.id, cast.contoso.id)).status_code == 404

    @pytest.mark.parametrize("colour", ["#1f4e79", "#ffff00", "#ffffff", "#000000", "#e8590c", "#7f7f7f"])
    @pytest.mark.parametrize("surface", ["#f1f3f6", "#1d2530"])
    def test_reads_on_light_and_dark_whatever_the_colour(self, colour, surface):
        shade = branding.readable(colour, surface=surface)
        assert contrast(shade, surface) >= TEXT_RATIO
        assert contrast(shade, branding.tint(shade, surface=surface)) >= TEXT_RATIO

    def test_stylesheet_is_made_of_its_address_alone(self, web):
        answer = web(None).get("/branding/1f4e79.css")
        assert answer.mimetype == "text/css"
        assert "immutable" in answer.headers["Cache-Control"]
        assert web(None).get("/branding/red;}body{x.css").status_code == 404


class TestTheme:
    def test_is_kept_with_the_person(self, web, cast):
        browser = web(cast.ben)
        answer = browser.post("/appearance", data={"theme": "dark", "next": "/jobs?state=done"})
        assert answer.location == "/jobs?state=done"
        assert 'data-bs-theme="dark"' in web(cast.ben).get("/").text
        with db.unit_of_work(cast.tenant) as session:
            assert session.scalar(sa.select(User.theme).where(User.id == cast.ana.id)) == "auto"

    def test_refuses_what_is_no_theme(self, web, cast):
        assert web(cast.ben).post("/appearance", data={"theme": "pink"}).status_code == 422

    @pytest.mark.parametrize(
        "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "", "/a\nb"]
    )
    def test_sends_nobody_elsewhere(self, app: Flask, target):
        with app.test_request_context("/"):
            assert local_address(target) == "/"


class TestStaticFiles:
    def test_are_kept_for_ever_under_their_version(self, app: Flask, web):
        with app.test_request_context("/"):
            address = statics.static_url("css/haas.css")
        answer = web(None).get(address, headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Encoding"] == "gzip"
        assert web(None).get("/static/css/haas.css").headers["Cache-Control"] == "no-cache"

    def test_do_not_lead_out_of_their_folder(self, web):
        for path in (
            "/static/../shell.py",
            "/static/v-000000000000/../../shell.py",
            "/static/%2e%2e/shell.py",
        ):
            assert web(None).get(path).status_code == 404

    def test_carry_their_hash_where_the_setup_built_them(self, web, cast):
        page = web(cast.ana).get("/").text
        assert re.search(r'src="/static/vendor/htmx\.[0-9a-f]{12}\.js" integrity="sha384-', page)


class TestErrorPage:
    def test_answers_people_with_a_page(self, web, cast):
        answer = web(cast.ana).get("/nowhere")
        assert answer.status_code == 404
        assert "There is no such page" in answer.text
        assert "text/html" in answer.content_type

    def test_speaks_the_language_asked_for(self, web):
        answer = web(None).get("/nowhere", headers={"Accept-Language": "de"})
        assert '<html lang="de">' in answer.text
        assert "Diese Seite gibt es nicht" in answer.text
