"""Views that people keep of a list: whose they are, how many, and the fleet's page with them."""

from __future__ import annotations

import re
from html import unescape

import pytest
import sqlalchemy as sa

from haas import db
from haas.errors import InvalidInput, NotFound
from haas.saved_views import operations
from haas.saved_views.models import SavedView
from haas.saved_views.operations import VIEWS_MAX, TooManyViews, ViewNameTaken
from haas.tenancy.scope import Tenant

LAPTOPS = {"category": ["laptop"], "sort": ["-cost"]}


def keep(session, tenant, user, name="Laptops", *, query=LAPTOPS, **more):
    return operations.keep_view(
        session, tenant, user_id=user.id, list_name="fleet", name=name, query=query, **more
    )


def names(session, tenant, user):
    found = operations.list_views(session, tenant, user_id=user.id, list_name="fleet")
    return [view.name for view in found]


def as_of(cast, user):
    """What the database lets `user` see when the code forgets to ask."""
    scope = Tenant(cast.northwind.id, client_id=user.client_id, actor=user.id, door="portal")
    with db.unit_of_work(scope) as session:
        return set(session.scalars(sa.select(SavedView.name)))


@pytest.fixture
def kept(cast):
    """Ana's own view, one that she shares, and one of Acme's Ada."""
    with db.unit_of_work(cast.tenant) as session:
        mine, shared = (
            keep(session, cast.tenant, cast.ana),
            keep(session, cast.tenant, cast.ana, "Everybody's", is_shared=True),
        )
    with db.unit_of_work(cast.acme_tenant) as session:
        ada = keep(session, cast.acme_tenant, cast.ada, "Ada's")
    return {"mine": mine.id, "shared": shared.id, "ada": ada.id}


class TestKeepView:
    def test_refuses_a_name_that_the_person_has_already_whatever_its_case(self, cast, session):
        keep(session, cast.tenant, cast.ana)
        with pytest.raises(ViewNameTaken) as refusal:
            keep(session, cast.tenant, cast.ana, " LAPTOPS ")
        assert set(refusal.value.fields) == {"name"}

    def test_leaves_the_same_name_on_another_list_free(self, cast, session):
        keep(session, cast.tenant, cast.ana)
        operations.keep_view(
            session,
            cast.tenant,
            user_id=cast.ana.id,
            list_name="invoices",
            name="Laptops",
            query={"state": ["open"]},
        )
        assert names(session, cast.tenant, cast.ana) == ["Laptops"]

    def test_stops_at_as_many_tabs_as_are_of_help(self, cast, session):
        for number in range(VIEWS_MAX):
            keep(session, cast.tenant, cast.ana, f"View {number}")
        with pytest.raises(TooManyViews):
            keep(session, cast.tenant, cast.ana, "One more")

    @pytest.mark.parametrize(
        ("name", "query"), [("", LAPTOPS), ("x" * 41, LAPTOPS), ("\u202e", LAPTOPS), ("All", {})]
    )
    def test_refuses_an_unusable_name_and_a_list_that_nothing_narrows(self, cast, session, name, query):
        with pytest.raises(InvalidInput):
            keep(session, cast.tenant, cast.ana, name, query=query)

    def test_lets_no_clients_user_share(self, cast):
        with db.open_session(cast.acme_tenant) as session, pytest.raises(InvalidInput):
            keep(session, cast.acme_tenant, cast.ada, is_shared=True)


class TestEditView:
    def test_renames_and_shares_but_takes_no_other_views_name(self, cast, session):
        view = keep(session, cast.tenant, cast.ana)
        keep(session, cast.tenant, cast.ana, "Servers")

        edit = {"user_id": cast.ana.id, "view_id": view.id}
        operations.edit_view(session, cast.tenant, **edit, name="laptops", is_shared=True)

        assert (view.name, view.is_shared) == ("laptops", True)
        with pytest.raises(ViewNameTaken):
            operations.edit_view(session, cast.tenant, **edit, name="servers", is_shared=True)


class TestWhoseViews:
    def test_are_a_persons_own_and_of_staff_those_of_the_house(self, cast, kept):
        seen = {}
        for name in ("ana", "ben", "ada", "vic"):
            user = getattr(cast, name)
            tenant = Tenant(cast.northwind.id, client_id=user.client_id, actor=user.id, door="portal")
            with db.unit_of_work(tenant) as session:
                seen[name] = names(session, tenant, user)
        assert seen == {
            "ana": ["Everybody's", "Laptops"],
            "ben": ["Everybody's"],
            "ada": ["Ada's"],
            "vic": [],
        }

    def test_the_database_keeps_apart_by_itself(self, cast, kept):
        assert [as_of(cast, user) for user in (cast.ana, cast.ben, cast.ada, cast.vic)] == [
            {"Laptops", "Everybody's"},
            {"Everybody's"},
            {"Ada's"},
            set(),
        ]

    def test_no_one_but_their_maker_changes(self, cast, kept):
        ben = Tenant(cast.northwind.id, actor=cast.ben.id, door="portal")
        with db.open_session(ben) as session:
            for view in ("mine", "shared"):
                with pytest.raises(NotFound):
                    operations.replace_view(
                        session, ben, user_id=cast.ben.id, view_id=kept[view], query={"grade": ["A"]}
                    )


def fields(page, action):
    """What a form of the page sends when nobody types: its hidden fields."""
    form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert form is not None, f"there is no form for {action}"
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    return {name: unescape(value) for name, value in found if name != "csrf_token"}


def tabs(page):
    """The kept views that are tabs, and which is marked."""
    found = re.findall(r'<a class="tab( active)?" href="([^"]*saved=[^"]*)"[^>]*>([^<]*)', page)
    return [(words.strip(), bool(active), unescape(href)) for active, href, words in found]


class TestOnTheFleetPage:
    def test_a_view_is_kept_opened_changed_and_deleted_without_scripts(self, cast, web):
        ana = web(cast.ana)
        assert "Save this view" not in ana.get("/assets").text

        page = ana.get(
            "/assets?category=laptop&col=cost&col=tag&col=nonsense&evil=//x&sort=-cost&limit=5"
        ).text
        sent = fields(page, "/saved-views")
        assert sent == {"list": "fleet", "query": "category=laptop&col=cost&sort=-cost"}
        opened = ana.post("/saved-views", data={**sent, "name": "Dear laptops"}, follow_redirects=True)

        ((name, active, href),) = tabs(opened.text)
        assert (name, active) == ("Dear laptops", True)
        assert href.startswith("/assets?category=laptop&col=cost&sort=-cost&saved=svw_")
        assert opened.text.count('aria-current="page"') == ana.get("/assets").text.count(
            'aria-current="page"'
        )

        view_id = href.partition("saved=")[2]
        replace = f"/saved-views/{view_id}/replace"
        assert replace not in opened.text
        changed = ana.get(f"{href}&grade=A").text
        ana.post(replace, data=fields(changed, replace))
        ((_, _, href),) = tabs(ana.get("/assets").text)
        assert "grade=A" in href

        after = ana.post(f"/saved-views/{view_id}/delete", follow_redirects=True)
        assert tabs(after.text) == []
        assert after.request.full_path.startswith("/assets?category=laptop&col=cost&grade=A")

    def test_a_refusal_shows_what_was_typed_and_the_way_back(self, cast, web, kept):
        sent = {"list": "fleet", "query": "grade=B", "name": "Laptops"}
        answer = web(cast.ana).post("/saved-views", data=sent)
        assert answer.status_code == 422
        assert "already" in answer.text
        assert 'value="Laptops"' in answer.text
        assert 'href="/assets?grade=B"' in answer.text

    @pytest.mark.parametrize("door", ["", "/replace", "/delete"])
    @pytest.mark.parametrize(
        ("user", "view"), [("cleo", "shared"), ("ben", "mine"), ("ben", "shared"), ("vic", "ada")]
    )
    def test_anothers_view_is_not_there_to_be_changed(self, cast, web, kept, door, user, view):
        sent = {"": {"name": "Mine"}, "/replace": {"query": "grade=A"}, "/delete": {}}[door]
        answer = web(getattr(cast, user)).post(f"/saved-views/{kept[view]}{door}", data=sent)
        assert answer.status_code == 404

    def test_who_keeps_the_house_deletes_what_others_share(self, cast, web):
        ben = Tenant(cast.northwind.id, actor=cast.ben.id, door="portal")
        with db.unit_of_work(ben) as session:
            view = keep(session, ben, cast.ben, "Bench", is_shared=True)
        assert web(cast.ana).post(f"/saved-views/{view.id}/delete").status_code == 303

    def test_a_list_that_the_role_does_not_read_has_no_views(self, cast, web):
        sent = {"list": "invoices", "query": "state=open", "name": "Open"}
        assert web(cast.ben).post("/saved-views", data=sent).status_code == 404
        assert web(cast.ben).post("/saved-views", data={**sent, "list": "no such"}).status_code == 404
