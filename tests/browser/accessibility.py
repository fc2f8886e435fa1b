"""assert_accessible(page): no axe finding by WCAG 2.2 A and AA, and no sideways scrolling."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.sync_api import Page

from haas.portal.assets import TEST_FILES

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Without the details of what passed, which nobody reads and which take half the time.
_RUN = """async (tags) => {
  const { violations } = await axe.run(document, {
    runOnly: { type: "tag", values: tags }, resultTypes: ["violations"],
  });
  return violations.map((each) => ({
    rule: each.id, help: each.help, at: each.nodes.map((node) => `${node.target}: ${node.failureSummary}`),
  }));
}"""
_SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@cache
def _axe() -> str:
    return (TEST_FILES / "axe.js").read_text()


def findings(page: Page) -> list[str]:
    """What axe finds on the page, each with its rule and its elements, and whether it scrolls sideways."""
    # Through the debugging protocol, so the page's own policy stays as strict as it is.
    page.evaluate(_axe())
    found: list[dict[str, Any]] = page.evaluate(_RUN, _RULES)
    told = [f"{each['rule']} ({each['help']}): " + " | ".join(each["at"]) for each in found]
    if (sideways := page.evaluate(_SIDEWAYS)) > 0:
        told.append(f"it scrolls sideways by {sideways} px")
    return told


def assert_accessible(page: Page) -> None:
    """Fail with every finding and where it is."""
    told = findings(page)
    assert not told, "\n".join([page.url, *told])
