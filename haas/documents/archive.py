"""PDF/A-3b: what WeasyPrint's own output lacks of it, and what an embedded file wants in the metadata."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape  # nosec B406 # writes only

from haas.documents.attachments import XmpSchema

VARIANT = "pdf/a-3b"

_END = b"</rdf:RDF>"

_DESCRIPTION = """<rdf:Description rdf:about="" xmlns:{prefix}="{namespace}">{values}</rdf:Description>\
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"\
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">\
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">\
<pdfaSchema:schema>{title}</pdfaSchema:schema>\
<pdfaSchema:namespaceURI>{namespace}</pdfaSchema:namespaceURI><pdfaSchema:prefix>{prefix}</pdfaSchema:prefix>\
<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property>\
</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>"""

_PROPERTY = """<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>\
<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>\
<pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"""


def with_schema(rdf: bytes, schema: XmpSchema) -> bytes:
    """WeasyPrint's metadata with ours inside the same rdf:RDF.

    Its own way to add XMP puts a second rdf:RDF beside the first, of which Adobe's toolkit reads only one.
    """
    values = "".join(
        f"<{schema.prefix}:{each.name}>{escape(each.value)}</{schema.prefix}:{each.name}>"
        for each in schema.properties
    )
    properties = "".join(
        _PROPERTY.format(name=each.name, description=escape(each.description)) for each in schema.properties
    )
    ours = _DESCRIPTION.format(
        prefix=schema.prefix,
        namespace=schema.namespace,
        title=escape(schema.title),
        values=values,
        properties=properties,
    )
    before, end, after = rdf.rpartition(_END)
    if not end:
        raise ValueError("the metadata has no rdf:RDF to add to")
    return before + ours.encode() + end + after


def finish(_document: Any, pdf: Any) -> None:
    """Mend in a pydyf PDF what PDF/A forbids, and what readers of its metadata stumble over."""
    if "AF" in pdf.catalog:
        files = pdf.catalog["AF"]
        files[:] = dict.fromkeys(files)  # WeasyPrint lists each associated file twice
    for each in pdf.objects:
        extra = getattr(each, "extra", None)
        if not extra:
            continue
        if extra.get("Interpolate"):  # 6.2.8-3: no smoothed pictures, nor smoothed masks of them
            extra["Interpolate"] = "false"
        if extra.get("Type") == "/Metadata":
            each.compress = False  # programs that know no PDF look for the packet in the file's bytes
