"""Every page of this part opens for whoever may see it, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from haas.auth.models import User
from tests.cast import Cast

Web = Callable[[User | None], FlaskClient]

PAGES = {
    "/account": "vic",
    "/account/security": "ada",
    "/account/sessions": "ben",
    "/account/confirm": "sam",
    "/settings/team": "ana",
    "/settings/team/roles": "ada",
    "/settings/team/invite": "ada",
    "/settings/tokens": "ana",
    "/settings/tokens/new": "ana",
    "/settings/branding": "ana",
    "/settings/general": "ana",
    "/settings/audit": "fay",
    "/clients": "ben",
    "/clients/new": "sam",
    "/clients/{acme}": "ben",
    "/clients/{acme}?tab=sites": "ben",
    "/clients/{acme}?tab=people": "ana",
    "/clients/{acme}/edit": "sam",
    "/sites": "vic",
    "/sites/new/{acme}": "ben",
    "/sites/{site}/edit": "ben",
    "/operator/partners": "olga",
    "/operator/partners/new": "olga",
}


def address_of(path: str, cast: Cast) -> str:
    return path.format(acme=cast.acme.id, site=cast.acme_site.id)


class TestEveryPage:
    @pytest.mark.parametrize(("path", "user"), PAGES.items(), ids=str)
    def test_opens_for_whoever_may_see_it(self, web: Web, cast: Cast, path: str, user: str) -> None:
        answer = web(getattr(cast, user)).get(address_of(path, cast))
        assert answer.status_code == 200, answer.get_data(as_text=True)[:1500]
        text = answer.get_data(as_text=True)
        assert " style=" not in text
        assert " onclick=" not in text

    @pytest.mark.parametrize("path", PAGES)
    def test_sends_a_stranger_to_sign_in(self, web: Web, cast: Cast, path: str) -> None:
        answer = web(None).get(address_of(path, cast))
        assert answer.status_code == 302
        assert "/sign-in" in answer.headers["Location"]

    @pytest.mark.parametrize("path", [path for path in PAGES if "{" in path])
    def test_does_not_exist_for_another_partner(self, web: Web, cast: Cast, path: str) -> None:
        assert web(cast.cleo).get(address_of(path, cast)).status_code == 404


class TestPagesOutside:
    @pytest.mark.parametrize("path", ["/sign-in", "/sign-in/forgotten", "/sign-in?at={slug}"])
    def test_open_for_everyone(self, web: Web, cast: Cast, path: str) -> None:
        answer = web(None).get(path.format(slug=cast.northwind.slug))
        assert answer.status_code == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]

    def test_wear_the_brand_of_the_partner_that_is_named(self, web: Web, cast: Cast) -> None:
        answer = web(None).get(f"/sign-in?at={cast.northwind.slug}")
        assert cast.northwind.name in answer.get_data(as_text=True)
