"""What is wrong with a page's HTML: read as a browser would, told in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
    "path", "circle", "line", "rect", "polyline", "polygon", "ellipse", "use", "stop",
}  # fmt: skip
_MAY_STAY_OPEN = {"li", "p", "td", "th", "tr", "tbody", "thead", "tfoot", "option", "dt", "dd"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_NAMED = {"input", "select", "textarea"}
_UNNAMED_TYPES = {"hidden", "submit", "button", "image", "reset"}


@dataclass(slots=True)
class Page(HTMLParser):
    """A page that was read: `problems` lists what is wrong, `links` where it leads."""

    problems: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    title: str = ""
    _open: list[str] = field(default_factory=list)
    _ids: Counter[str] = field(default_factory=Counter)
    _form: dict[str, str | None] | None = None
    _form_has_token: bool = False
    _pointed_at: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self, convert_charrefs=True)

    @classmethod
    def read(cls, text: str) -> Page:
        """Parse a whole document or a fragment."""
        page = cls()
        page.feed(text)
        page.close()
        page.problems += [f"id {name!r} stands {n} times" for name, n in page._ids.items() if n > 1]
        page.problems += [f"<{tag}> is never closed" for tag in page._open if tag not in _MAY_STAY_OPEN]
        return page

    def as_document(self) -> list[str]:
        """Its problems as a whole page: one main heading, a title, beside what any markup may have."""
        found = list(self.problems)
        if self.headings.count("h1") != 1:
            found.append(f"{self.headings.count('h1')} h1 headings")
        if not self.title.strip():
            found.append("no title")
        found += [f"label for missing id {name!r}" for name in self._pointed_at if name not in self._ids]
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        values = dict(attrs)
        if len(values) != len(attrs):
            self.problems.append(f"<{tag}> has an attribute twice")
        self._check_attributes(tag, values)
        self._check_form(tag, values)
        if name := values.get("id"):
            self._ids[name] += 1
        if tag == "label" and (target := values.get("for")):
            self._pointed_at.add(target)
        if tag == "img" and "alt" not in values:
            self.problems.append("<img> without alt")
        if tag == "script" and not values.get("src") and values.get("type") != "application/json":
            self.problems.append("inline script")
        if tag == "style":
            self.problems.append("<style> in the page")
        if tag == "a" and (href := values.get("href")):
            self.links.append(href)
        if tag in _HEADINGS:
            self.headings.append(tag)
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of an SVG that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in _VOID and self._open:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close what is open; whatever was left open inside must be one of those that may."""
        if tag in _VOID:
            return
        if tag not in self._open:
            self.problems.append(f"</{tag}> closes nothing")
            return
        while (last := self._open.pop()) != tag:
            if last not in _MAY_STAY_OPEN:
                self.problems.append(f"<{last}> is still open at </{tag}>")
        if tag == "form":
            if self._form is not None and not self._form_has_token:
                self.problems.append(f"form to {self._form.get('action')!r} has no CSRF token")
            self._form = None

    def handle_data(self, data: str) -> None:
        """Text: collected for the title, searched for a template's own words."""
        if self._open and self._open[-1] == "title" and "svg" not in self._open:
            self.title += data
        if self._open and self._open[-1] in ("script", "style"):
            return
        self.problems += [f"unrendered {sign!r} in {data.strip()[:60]!r}" for sign in ("{{", "{%", "%(")
                          if sign in data]  # fmt: skip

    def _check_attributes(self, tag: str, values: dict[str, str | None]) -> None:
        for name, value in values.items():
            if name == "style" or name.startswith("on"):
                self.problems.append(f"<{tag}> has {name}=")
            if name in ("href", "src", "action", "formaction") and (value or "").strip().lower().startswith(
                ("javascript:", "vbscript:", "data:text")
            ):
                self.problems.append(f"<{tag} {name}={value!r}>")
            if value and ("{{" in value or "{%" in value or value in ("None", "Undefined")):
                self.problems.append(f"<{tag} {name}={value!r}>")

    def _check_form(self, tag: str, values: dict[str, str | None]) -> None:
        if tag == "form":
            changing = (values.get("method") or "get").lower() == "post"
            self._form, self._form_has_token = (values, False) if changing else (None, True)
        if values.get("name") == "csrf_token" and values.get("value"):
            self._form_has_token = True
