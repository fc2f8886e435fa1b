"""Overview, search, jobs and files: what each role sees, in how many queries."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pypdfium2
import pytest
import sqlalchemy as sa
from PIL import Image

from haas import db
from haas.auth.models import User
from haas.files import store_file
from haas.progress import LongJob
from haas.tenancy.scope import scoped
from tests.small_fleet import add_fleet


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """The statements of a block, but the settings that begin each transaction."""
    seen: list[str] = []

    def hear(conn, cursor, statement, parameters, context, executemany):
        if "set_config" not in statement:
            seen.append(statement)

    sa.event.listen(db.engine(), "before_cursor_execute", hear)
    try:
        yield seen
    finally:
        sa.event.remove(db.engine(), "before_cursor_execute", hear)


SIGN_IN_QUERIES = 4  # session, person, partner, and of a client's person the client


@pytest.fixture
def fleet(cast):
    with db.unit_of_work(cast.tenant) as session:
        return add_fleet(session, cast)


class TestOverview:
    def test_answers_what_needs_the_owner(self, web, cast, fleet):
        page = web(cast.ana).get("/").text
        assert "of 24 in the fleet" in page  # 25, one of them disposed of
        assert "of 9 with an agent" in page
        assert "$2,062.50" in page  # 5 leases of 412.50
        assert "$5,420.00" in page  # 1400 + 1340 + 1280 of Acme, 1400 of Globex
        assert "4 invoices are overdue" in page
        assert "NW-00000 is failing" in page
        assert "Import of laptops.csv" in page

    def test_shows_a_technician_no_money(self, web, cast, fleet):
        page = web(cast.ben).get("/").text
        assert "NW-00000 is failing" in page
        assert "$" not in page
        assert "overdue" not in page

    def test_shows_a_client_what_is_its_own(self, web, cast, fleet):
        page = web(cast.ada).get("/").text
        assert "$1,237.50" in page  # its 3 leases of 412.50
        assert "$4,020.00" in page  # its own overdue invoices: 1400 + 1340 + 1280
        assert "Globex" not in page
        assert "is failing" not in page

    def test_shows_another_partner_nothing(self, web, cast, fleet):
        page = web(cast.cleo).get("/").text
        assert "Your fleet begins here" in page
        assert "NW-" not in page

    @pytest.mark.parametrize("user", ["ana", "fay", "ben", "ada"])
    def test_asks_the_database_at_most_8_times(self, web, cast, fleet, user):
        browser = web(getattr(cast, user))
        with counted_queries() as queries:
            assert browser.get("/").status_code == 200
        assert len(queries) <= 8 + SIGN_IN_QUERIES, "\n".join(queries)

    def test_sends_an_operator_to_the_partners(self, web, cast):
        assert web(cast.olga).get("/").location == "/operator/partners"

    def test_speaks_german(self, web, cast, fleet):
        with db.unit_of_work(cast.tenant) as session:
            session.execute(sa.update(User).where(User.id == cast.fay.id).values(language="de"))
        page = web(cast.fay).get("/").text
        assert '<html lang="de"' in page
        assert "4 Rechnungen sind überfällig" in page
        assert "5.420,00\u00a0$" in page


class TestSearch:
    def found(self, browser, text):
        return [
            (each["kind"], each["title"])
            for each in browser.get("/search/found", query_string={"q": text}).json["results"]
        ]

    def test_finds_pages_by_the_beginning_of_a_word(self, web, cast):
        assert ("page", "Jobs") in self.found(web(cast.ana), "jo")

    def test_does_not_fall_for_wildcards(self, web, cast, fleet):
        for text in ("%", "%%", "_w-", "' or 1=1", "\\"):
            assert self.found(web(cast.ana), text) == []

    def test_is_empty_for_one_letter(self, web, cast, fleet):
        with counted_queries() as queries:
            self.found(web(cast.ana), "n")
        assert not any("union" in query.lower() for query in queries)

    def test_page_lists_the_same_without_scripts(self, web, cast):
        page = web(cast.ana).get("/search?q=job").text
        assert 'href="/jobs"' in page
        assert "Nothing begins with “zzz”" in web(cast.ana).get("/search?q=zzz").text

    @pytest.mark.parametrize(
        ("text", "kind", "title"),
        [
            ("nw-00003", "asset", "NW-00003 · 5CG0000003"),
            ("NW-000 03", "asset", "NW-00003 · 5CG0000003"),
            ("5cg0000003", "asset", "NW-00003 · 5CG0000003"),
            ("acme", "client", "Acme Dental"),
            ("C-0002", "client", "Globex Law"),
        ],
    )
    def test_finds_by_the_beginning(self, web, cast, fleet, text, kind, title):
        assert self.found(web(cast.ana), text) == [(kind, title)]

    def test_asks_the_database_once(self, web, cast, fleet):
        browser = web(cast.ana)
        with counted_queries() as queries:
            assert self.found(browser, "nw-0")
        assert len(queries) <= 1 + SIGN_IN_QUERIES

    def test_hides_other_clients_and_partners(self, web, cast, fleet):
        assert self.found(web(cast.cleo), "nw-0") == []
        assert self.found(web(cast.ada), "globex") == []
        own = {title for _, title in self.found(web(cast.ada), "nw-0")}
        assert own
        assert "NW-00003 · 5CG0000003" not in own  # stands at Globex


class TestJobs:
    @pytest.fixture
    def jobs(self, cast, fleet):
        with db.unit_of_work(cast.tenant) as session:
            return {job.state: job.id for job in session.scalars(scoped(LongJob, cast.tenant))}

    def test_are_listed_and_narrowed_by_state(self, web, cast, jobs):
        page = web(cast.ben).get("/jobs?state=failed").text
        assert "Import of laptops.csv" in page
        assert "Billing run" not in page

    def test_show_progress_and_ask_again(self, web, cast, jobs):
        page = web(cast.ana).get(f"/jobs/{jobs['running']}").text
        assert f'hx-get="/jobs/{jobs["running"]}/progress"' in page
        assert "320 of 1,000" in page
        assert 'value="320" max="1000"' in page

    def test_have_the_page_read_anew_when_they_end(self, web, cast, jobs):
        assert "HX-Refresh" not in web(cast.ana).get(f"/jobs/{jobs['running']}/progress").headers
        ended = web(cast.ana).get(f"/jobs/{jobs['failed']}/progress")
        assert ended.headers["HX-Refresh"] == "true"
        assert "hx-get" not in ended.text

    def test_name_the_rows_that_went_wrong(self, web, cast, jobs):
        page = web(cast.ana).get(f"/jobs/{jobs['failed']}").text
        assert "Row 7" in page
        assert "This serial is taken." in page

    def test_of_another_partner_are_not_found(self, web, cast, jobs):
        for path in ("", "/progress"):
            assert web(cast.cleo).get(f"/jobs/{jobs['failed']}{path}").status_code == 404

    def test_are_not_for_clients(self, web, cast, jobs):
        assert web(cast.ada).get("/jobs").status_code == 403


def two_blank_pages() -> bytes:
    made, packed = pypdfium2.PdfDocument.new(), io.BytesIO()
    for _ in range(2):
        made.new_page(595.28, 841.89)  # A4 in points
    made.save(packed)
    return packed.getvalue()


class TestFiles:
    @pytest.fixture
    def keep(self, cast):
        def kept(
            kind="hand_over",
            client=None,
            name="hand over.pdf",
            media_type="application/pdf",
            content=b"%PDF-1.7",
        ):
            with db.unit_of_work(cast.tenant) as session:
                return store_file(
                    session,
                    cast.tenant,
                    kind=kind,
                    name=name,
                    media_type=media_type,
                    content=content,
                    client_id=client.id if client else None,
                ).id

        return kept

    def test_come_as_they_were_stored(self, web, cast, keep):
        answer = web(cast.ben).get(f"/files/{keep()}")
        assert answer.data == b"%PDF-1.7"
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="hand over.pdf"')
        assert answer.headers["Cache-Control"] == "private, no-cache"

    def test_are_not_sent_again_when_known(self, web, cast, keep):
        address, browser = f"/files/{keep()}", web(cast.ben)
        known = browser.get(address).headers["ETag"]
        assert browser.get(address, headers={"If-None-Match": known}).status_code == 304

    def test_show_in_the_browser_only_what_is_harmless(self, web, cast, keep):
        shown = web(cast.ben).get(f"/files/{keep()}?inline=1")
        assert shown.headers["Content-Disposition"].startswith("inline")
        page = keep(name="x.html", media_type="text/html")
        saved = web(cast.ben).get(f"/files/{page}?inline=1")
        assert saved.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in saved.headers["Content-Security-Policy"]

    def test_of_another_partner_or_client_are_not_found(self, web, cast, keep):
        of_globex = keep(client=cast.globex)
        for stranger in (cast.cleo, cast.ada):
            assert web(stranger).get(f"/files/{of_globex}").status_code == 404
        assert web(cast.ada).get(f"/files/{keep(client=cast.acme)}").status_code == 200

    @pytest.mark.parametrize("kind", ["bank_statement", "collection_order", "transfer_order"])
    def test_that_hold_account_numbers_are_for_who_handles_the_bank(self, web, cast, keep, kind):
        address = f"/files/{keep(kind=kind)}"
        assert [web(user).get(address).status_code for user in (cast.ana, cast.ben)] == [200, 404]

    def test_show_their_pages_as_pictures_to_those_who_may_see_them(self, web, cast, keep):
        address = f"/files/{keep(client=cast.globex, content=two_blank_pages())}/pages"
        shown = web(cast.ben).get(f"{address}/2.png")
        with Image.open(io.BytesIO(shown.data)) as picture:
            assert (picture.format, picture.size) == ("PNG", (1240, 1754))  # A4 is 1 to 1.414
        known = {"If-None-Match": shown.headers["ETag"]}
        assert web(cast.ben).get(f"{address}/2.png", headers=known).status_code == 304
        for number in (0, 3):
            assert web(cast.ben).get(f"{address}/{number}.png").status_code == 404
        for stranger in (cast.cleo, cast.ada):
            assert web(stranger).get(f"{address}/1.png").status_code == 404

    def test_without_pages_have_no_pictures(self, web, cast, keep):
        for unreadable in (keep(name="x.csv", media_type="text/csv"), keep(content=b"%PDF-1.7 damaged")):
            assert web(cast.ben).get(f"/files/{unreadable}/pages/1.png").status_code == 404

    def test_with_money_ask_for_the_right_to_see_it(self, web, cast, keep):
        export = keep(kind="invoice_export")
        assert web(cast.fay).get(f"/files/{export}").status_code == 200
        assert web(cast.ben).get(f"/files/{export}").status_code == 404
