"""Pictures of models and assets: drawn anew, shown to whoever sees the thing, hidden from everyone else."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from PIL import Image

from devices import operations, queries
from devices.pictures import get_picture, remove_picture, set_picture
from haas import db
from haas.documents.photos import MOST_BYTES, PictureRefused, accept_photo
from haas.errors import NotFound
from tests.devices.fleet import START, make_asset


def photo(colour: str = "teal", *, size: tuple[int, int] = (64, 48), form: str = "JPEG", **options) -> bytes:
    drawn = io.BytesIO()
    mode = "RGBA" if options.pop("see_through", False) else "RGB"
    Image.new(mode, size, (0, 0, 0, 0) if mode == "RGBA" else colour).save(drawn, form, **options)
    return drawn.getvalue()


class TestAcceptPhoto:
    def test_draws_anew_without_what_the_camera_wrote(self):
        exif = Image.Exif()
        exif[0x010E] = "taken at the client's"

        kept = accept_photo(photo(exif=exif, size=(3000, 1500)))

        picture = Image.open(io.BytesIO(kept.content))
        assert (kept.media_type, picture.size, dict(picture.getexif())) == ("image/jpeg", (1200, 600), {})
        assert b"taken at" not in kept.content

    def test_keeps_what_one_sees_through(self):
        kept = accept_photo(photo(form="PNG", see_through=True))

        assert (kept.media_type, kept.ending) == ("image/png", "png")

    def test_gives_the_same_bytes_for_the_same_upload(self):
        assert accept_photo(photo()) == accept_photo(photo())

    @pytest.mark.parametrize(
        ("upload", "words"),
        [
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "not a PNG or JPEG"),
            (photo(form="GIF"), "not a PNG or JPEG"),
            (photo(form="WEBP"), "not a PNG or JPEG"),
            (b"\xff\xd8\xff" + b"x" * 200, "not a PNG or JPEG|damaged"),
            (photo()[:300], "damaged"),
            (photo(size=(6000, 5000)), "24,000,000"),
            (photo(size=(8, 8)), "smaller than 16"),
            (b"x" * (MOST_BYTES + 1), "larger than 8 MB"),
            (b"", "not a PNG or JPEG"),
        ],
    )
    def test_refuses_what_is_no_picture_with_the_remedy(self, upload, words):
        with pytest.raises(PictureRefused, match=words):
            accept_photo(upload)


class TestPictures:
    def test_of_an_asset_goes_before_that_of_its_model(self, session, cast):
        asset = make_asset(session, cast.tenant)
        model = queries.get_model(session, cast.tenant, model_id=asset.model_id)
        with pytest.raises(NotFound):
            get_picture(session, cast.tenant, owner=asset)

        of_model = set_picture(session, cast.tenant, owner=model, upload=photo("teal"))
        assert get_picture(session, cast.tenant, owner=asset).id == of_model.id
        own = set_picture(session, cast.tenant, owner=asset, upload=photo("red"))
        assert get_picture(session, cast.tenant, owner=asset).id == own.id
        remove_picture(session, owner=asset)
        assert get_picture(session, cast.tenant, owner=asset).id == of_model.id

    def test_that_is_the_same_is_kept_once(self, session, cast):
        first, second = (make_asset(session, cast.tenant) for _ in range(2))

        files = {set_picture(session, cast.tenant, owner=each, upload=photo()).id for each in (first, second)}

        assert len(files) == 1


class TestDoors:
    @pytest.fixture
    def asset(self, cast):
        with db.unit_of_work(cast.tenant) as session:
            made = make_asset(session, cast.tenant)
            operations.place_asset(
                session, cast.tenant, asset_id=made.id, client_id=cast.acme.id, at=START + timedelta(hours=1)
            )
            set_picture(session, cast.tenant, owner=made, upload=photo())
            return made

    def test_show_it_to_whoever_sees_the_asset(self, cast, web, asset):
        for user, status in ((cast.ben, 200), (cast.ada, 200), (cast.cleo, 404)):
            answer = web(user).get(f"/assets/{asset.id}/picture")
            assert answer.status_code == status, user.name
        assert f"/assets/{asset.id}/picture" in web(cast.ada).get(f"/assets/{asset.id}").text

    def test_answer_with_a_picture_that_cannot_act(self, cast, web, api, asset):
        for answer in (
            web(cast.ada).get(f"/assets/{asset.id}/picture"),
            api(cast.ana).get(f"/v1/assets/{asset.id}/picture"),
        ):
            assert answer.headers["Content-Type"] == "image/jpeg"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "private, no-cache"

    def test_refuse_a_hostile_file_beside_the_field(self, cast, web, asset):
        answer = web(cast.ben).post(
            f"/assets/{asset.id}/picture/edit", data={"picture": (io.BytesIO(b"<svg/>"), "a.jpg")}
        )

        assert answer.status_code == 422
        assert "not a PNG or JPEG" in answer.text

    def test_take_it_away_again(self, cast, web, asset):
        ben = web(cast.ben)

        assert ben.post(f"/assets/{asset.id}/picture/edit", data={"remove": "1"}).status_code == 303

        assert ben.get(f"/assets/{asset.id}/picture").status_code == 404
