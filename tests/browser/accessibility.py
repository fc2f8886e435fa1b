"""assert_accessible(page): no axe finding by WCAG 2.2 A and AA, and no sideways scrolling."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from haas.portal.assets import TEST_FILES

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """async (tags) => {
  const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags } });
  return violations.map((each) => ({
    rule: each.id, help: each.help, at: each.nodes.map((node) => `${node.target}: ${node.failureSummary}`),
  }));
}"""
_SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def assert_accessible(page: Page) -> None:
    """Fail with every finding and where it is."""
    # Through the debugging protocol, so the page's own policy stays as strict as it is.
    page.evaluate((TEST_FILES / "axe.js").read_text())
    found: list[dict[str, Any]] = page.evaluate(_RUN, _RULES)
    told = [f"{each['rule']} ({each['help']}): " + " | ".join(each["at"]) for each in found]
    assert not told, "\n".join([page.url, *told])
    assert page.evaluate(_SIDEWAYS) <= 0, f"{page.url} scrolls sideways"
