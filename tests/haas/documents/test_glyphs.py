"""Letters of every script are drawn, and what no font can draw fails the document by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from haas.doctor import examine
from haas.documents.errors import RenderFailed
from haas.documents.glyphs import NO_FONTS
from haas.documents.renderer import Renderer
from haas.documents.rendering import render_pdf
from haas.documents.scripts import tongue
from invoicing.document import Buyer
from invoicing.paper import invoice_html
from tests import paper

NAMES = {
    "emoji": "Café 👩‍👩‍👧 🚀 ❤️ 🇩🇪 GmbH",
    "Arabic": "شركة النور للتجارة",
    "Chinese": "北京联想科技有限公司",
    "Hebrew": "חברת שלום",
    "Thai": "บริษัท กรุงเทพ",
    "Devanagari": "हिन्दी कंपनी",
    "Korean": "삼성전자 주식회사",
}


@pytest.fixture
def no_fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "fonts.conf"
    settings.write_text(f"<fontconfig><cachedir>{tmp_path}</cachedir></fontconfig>")
    monkeypatch.setitem(os.environ, "FONTCONFIG_FILE", str(settings))


class TestGlyphs:
    def test_prints_every_script_and_the_same_bytes_again(self) -> None:
        html = invoice_html(
            paper.invoice(1, buyer=Buyer(name=NAMES["emoji"], address_lines=tuple(NAMES.values())[1:]))
        )

        pdf = render_pdf(html)

        assert pdf == render_pdf(html)  # the emoji font is made anew each time
        text = paper.text_of(pdf)
        for script in ("Chinese", "Korean", "Thai"):
            assert NAMES[script] in text, script

    def test_refuses_a_character_that_no_font_can_draw_and_says_where_it_stands(self) -> None:
        html = invoice_html(paper.invoice(1, buyer=Buyer(name="Sign \U0001f8ff & Co")))

        with pytest.raises(RenderFailed, match=r"no font can draw U\+1F8FF .* in “Sign .* & Co”\. Write it"):
            render_pdf(html)

    def test_names_the_first_few_of_many(self) -> None:
        name = "".join(chr(0x1F8F0 + number) for number in range(8))

        with pytest.raises(RenderFailed, match=r"U\+1F8F4 .* and 3 more"):
            render_pdf(invoice_html(paper.invoice(1, buyer=Buyer(name=name))))


class TestWithoutFonts:
    @pytest.mark.usefixtures("no_fonts")
    def test_a_document_fails_with_the_remedy_and_doctor_says_so(self) -> None:
        with Renderer() as renderer, pytest.raises(RenderFailed) as refusal:
            renderer.render("<html><head><title>t</title></head><body><p>x</p></body></html>")

        assert refusal.value.message == NO_FONTS
        finding = next(each for each in examine() if each.what == "PDF renderer")
        assert finding.is_failure
        assert "fonts-noto-core" in finding.remedy


class TestTongue:
    @pytest.mark.parametrize(
        ("text", "country", "tag"),
        [
            ("Contoso SE", "CN", "de"),
            ("直骨", "", "zh-CN"),
            ("直骨", "TW", "zh-TW"),
            ("直骨", "JP", "ja"),
            ("直骨ソニー", "CN", "ja"),  # kana is Japanese wherever it is sent
            ("삼성", "", "ko"),
        ],
    )
    def test_is_told_by_letters_and_else_by_country(self, text: str, country: str, tag: str) -> None:
        assert tongue(text, "de", country) == tag
