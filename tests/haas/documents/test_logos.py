"""Logos: re-encoded, or refused with the remedy."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from haas import limited_process
from haas.documents.drawing import draw_logo, draw_photo
from haas.documents.logos import MOST_BYTES, MOST_HEIGHT, MOST_WIDTH, LogoRefused, accept_logo
from haas.documents.photos import PictureRefused
from haas.tenancy.branding import Branding, Logo
from tests import paper


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header promises this size, in a few hundred bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


class TestAcceptLogo:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_takes_png_jpeg_and_webp_and_gives_png(self, kind: str):
        accepted = accept_logo(encoded(Image.new("RGB", (200, 80), "#1f7a5c"), kind))

        with Image.open(io.BytesIO(accepted)) as picture:
            assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (200, 80))

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
    def test_takes_every_kind_of_png(self, mode: str):
        accepted = accept_logo(encoded(Image.new(mode, (64, 64)), "PNG"))

        with Image.open(io.BytesIO(accepted)) as picture:
            assert picture.mode in {"RGB", "RGBA"}

    def test_turns_cmyk_into_rgb(self):
        accepted = accept_logo(encoded(Image.new("CMYK", (64, 64), (255, 0, 0, 0)), "JPEG"))

        with Image.open(io.BytesIO(accepted)) as picture:
            assert picture.mode == "RGB"

    def test_keeps_the_shades_of_sixteen_bits(self):
        accepted = accept_logo(encoded(Image.new("I;16", (64, 64), 40_000), "PNG"))

        with Image.open(io.BytesIO(accepted)) as picture:
            assert picture.getpixel((9, 9)) == (155, 155, 155)  # 40000 / 257

    def test_takes_the_first_picture_of_an_animation(self):
        red, blue = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
        upload = encoded(red, "GIF", save_all=True, append_images=[blue])

        with Image.open(io.BytesIO(accept_logo(upload))) as picture:
            assert picture.format == "PNG"
            assert picture.convert("RGB").getpixel((9, 9)) == (255, 0, 0)

    def test_shows_the_colours_that_a_profile_means_and_survives_one_that_means_none(self):
        odd = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        for profile in (odd, srgb, b"not a profile", b"\0" * 200):
            upload = encoded(Image.new("RGB", (64, 64), (200, 30, 30)), "JPEG", icc_profile=profile)

            with Image.open(io.BytesIO(accept_logo(upload))) as picture:
                assert picture.mode == "RGB"
                assert "icc_profile" not in picture.info

    def test_gives_the_same_bytes_for_the_same_upload(self):
        upload = paper.logo_png()

        assert accept_logo(upload) == accept_logo(upload)

    def test_shrinks_to_what_paper_can_show(self):
        accepted = accept_logo(encoded(Image.new("RGB", (3000, 1000)), "PNG"))

        with Image.open(io.BytesIO(accepted)) as picture:
            assert picture.width <= MOST_WIDTH
            assert picture.height <= MOST_HEIGHT

    def test_leaves_metadata_and_trailing_data_behind(self):
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", "a secret note")
        upload = encoded(Image.new("RGB", (64, 64)), "PNG", pnginfo=notes) + b"<script>alert(1)</script>"

        accepted = accept_logo(upload)

        assert b"secret" not in accepted
        assert b"script" not in accepted
        assert b"tEXt" not in accepted

    @pytest.mark.parametrize(
        "upload",
        [
            b'<svg xmlns="http://www.w3.org/2000/svg"/>',
            b'<?xml version="1.0"?><svg/>',
            b"\xef\xbb\xbf  <!-- x --><svg/>",
            "<svg/>".encode("utf-16"),
            b"\x1f\x8b\x08\x00compressed svg",
        ],
        ids=["plain", "xml", "byte order mark and comment", "utf-16", "svgz"],
    )
    def test_refuses_svg_with_the_remedy(self, upload: bytes):
        with pytest.raises(LogoRefused, match="PNG") as refusal:
            accept_logo(upload)

        assert refusal.value.fields.keys() == {"logo"}

    @pytest.mark.parametrize(
        "upload",
        [
            b"",
            b"GIF89a" + b"\0" * 40,
            b"%PDF-1.7",
            b"not a picture",
            encoded(Image.new("RGB", (64, 64)), "TIFF"),
            paper.logo_png()[:60],
            paper.logo_png()[:-200],
        ],
        ids=["nothing", "gif head", "pdf", "text", "tiff", "a head alone", "all but the end"],
    )
    def test_refuses_other_formats_and_damaged_files(self, upload: bytes):
        with pytest.raises(LogoRefused):
            accept_logo(upload)

    @pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (2**31 - 1, 2**31 - 1), (5000, 5000)])
    def test_refuses_a_bomb_before_it_is_unpacked(self, width: int, height: int):
        with pytest.raises(LogoRefused):
            accept_logo(png_of_size(width, height))

    def test_refuses_an_animation_whose_first_frame_is_a_bomb(self):
        upload = bytearray(encoded(Image.new("P", (64, 64)), "GIF"))
        upload[6:10] = struct.pack("<HH", 65_535, 65_535)
        with pytest.raises(LogoRefused, match="pixels"):
            accept_logo(bytes(upload))

    def test_refuses_a_file_that_is_too_large_or_too_small_to_read(self):
        with pytest.raises(LogoRefused, match="2 MB"):
            accept_logo(b"\x89PNG" + b"\0" * MOST_BYTES)
        with pytest.raises(LogoRefused, match="smaller"):
            accept_logo(encoded(Image.new("RGB", (8, 8)), "PNG"))


class TestDrawing:
    """In the process with limits, which doors use."""

    def test_draws_what_this_process_would(self):
        upload = paper.logo_png()
        assert draw_logo(upload) == accept_logo(upload)

    def test_hands_refusals_through(self):
        with pytest.raises(LogoRefused, match="Export the logo as PNG") as refused:
            draw_logo(b"<svg/>")
        assert refused.value.fields.keys() == {"logo"}
        with pytest.raises(PictureRefused, match="PNG or JPEG") as other:
            draw_photo(b"not a picture")
        assert other.value.fields.keys() == {"picture"}

    def test_refuses_what_takes_more_memory_than_it_may(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(limited_process, "MEMORY_BYTES", 160 * 1024**2)
        most = encoded(Image.new("RGBA", (4000, 4000)), "PNG")  # 64 MB, and each step a copy of it
        with pytest.raises(LogoRefused, match="asks for too much"):
            draw_logo(most)


class TestBranding:
    def test_reads_back_as_it_was_written(self):
        brand = paper.branding()

        assert Branding.from_json(brand.to_json()) == brand
        assert brand.to_json() == paper.branding().to_json()

    def test_can_leave_the_logo_behind_and_demands_the_same_one_back(self):
        brand = paper.branding()
        assert brand.logo is not None
        assert brand.logo.png is not None

        assert len(brand.lean().to_json()) < 1500
        assert brand.lean().with_logo(brand.logo.png) == brand
        with pytest.raises(Exception, match="hash"):
            brand.lean().with_logo(paper.logo_png(width=300))

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("accent_colour", "red;} body{display:none"),
            ("accent_colour", "#FFFFFF"),
            ("language", "xx"),
            ("page_size", "a3"),
            ("time_zone", "../etc/passwd"),
            ("display_name", " "),
        ],
    )
    def test_refuses_what_cannot_be_printed(self, field: str, value: str):
        with pytest.raises(Exception, match=r"\w") as refusal:
            paper.branding(**{field: value})

        assert refusal.value.fields.keys() == {field}  # type: ignore[attr-defined]

    def test_names_a_logo_by_its_hash(self):
        assert Logo.of(b"x").sha256.startswith("2d7116")
