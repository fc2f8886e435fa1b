"""Elements of an e-invoice: only what has a value, and nothing that XML cannot hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from lxml import etree

from haas.documents.pages import printable


class Element:
    """An element under construction; `namespaces` are the prefixes that its tags are written with."""

    __slots__ = ("_namespaces", "_node")

    def __init__(self, node: etree._Element, namespaces: Mapping[str, str]) -> None:
        self._node = node
        self._namespaces = namespaces

    @classmethod
    def root(cls, tag: str, namespaces: Mapping[str, str], *, default: str | None = None) -> Self:
        """A document's root. `default` is the namespace that is written without a prefix."""
        declared: dict[str | None, str] = {prefix: uri for prefix, uri in namespaces.items()}  # noqa: C416
        if default is not None:
            declared[None] = default
        name = _name(tag, namespaces) if default is None else f"{{{default}}}{tag}"
        return cls(etree.Element(name, nsmap=declared), namespaces)  # type: ignore[arg-type] # None is taken

    def add(self, tag: str) -> Element:
        """A child that will have children; `prune` takes it away if it gets none."""
        return Element(etree.SubElement(self._node, _name(tag, self._namespaces)), self._namespaces)

    def put(self, tag: str, value: str, **attributes: str) -> None:
        """A child with text, unless there is none to put."""
        text = printable(value).strip()
        if text:
            etree.SubElement(self._node, _name(tag, self._namespaces), attributes).text = text

    def prune(self) -> None:
        """Take away what came out empty, which no syntax allows (PEPPOL-EN16931-R008)."""
        for node in list(self._node.iterdescendants()):
            while len(node) == 0 and not node.text:
                parent = node.getparent()
                if parent is None:
                    break
                parent.remove(node)
                node = parent  # noqa: PLW2901 - its parent may be empty now

    def to_bytes(self) -> bytes:
        """The document, always the same for the same elements."""
        written: bytes = etree.tostring(self._node, encoding="UTF-8", xml_declaration=True)
        return written


def _name(tag: str, namespaces: Mapping[str, str]) -> str:
    prefix, _, local = tag.partition(":")
    return f"{{{namespaces[prefix]}}}{local}"
