"""Check our rules against a folder of ground-truth cases: run.py DIR [--json]. Exit 1 on any disagreement."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

# The runner is a script: it finds the product above it, wherever it is started.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.ground_truth import (
    billing_area,
    books_area,
    dates_area,
    depreciation_area,
    lease_area,
    lessor_area,
    macrs_area,
    rental_area,
)
from tests.ground_truth.compare import disagreeing_fields, plain
from tests.ground_truth.inputs import Adapter, Inputs, Unsupported

ADAPTERS: dict[str, Adapter] = {
    **dates_area.ADAPTERS,
    **billing_area.ADAPTERS,
    **books_area.ADAPTERS,
    **depreciation_area.ADAPTERS,
    **lease_area.ADAPTERS,
    **lessor_area.ADAPTERS,
    **macrs_area.ADAPTERS,
    **rental_area.ADAPTERS,
}


@dataclass
class Report:
    """What became of every case."""

    kinds: dict[str, dict[str, int]] = field(default_factory=dict)
    disagreements: list[dict[str, Any]] = field(default_factory=list)
    unsupported: list[tuple[str, str, str]] = field(default_factory=list)

    def count(self, kind: str, outcome: str) -> None:
        """Add one case of a kind."""
        self.kinds.setdefault(kind, {"agree": 0, "disagree": 0, "unsupported": 0})[outcome] += 1


def check(cases: list[dict[str, Any]]) -> Report:
    """Answer each case from its inputs, then look at what it expected."""
    report = Report()
    for case in cases:
        kind = case["kind"]
        try:
            got = answer(kind, case["inputs"])
        except Unsupported as reason:
            report.count(kind, "unsupported")
            report.unsupported.append((kind, case["id"], str(reason)))
            continue
        except (ArithmeticError, LookupError, TypeError, ValueError) as failure:
            got = {"error": f"{type(failure).__name__}: {failure}"}
        wrong = disagreeing_fields(case["expected"], got, case.get("tolerance", 0))
        report.count(kind, "disagree" if wrong else "agree")
        if wrong:
            shown = {name: got[name] for name in case["expected"] if name in got} or got
            report.disagreements.append(
                {"id": case["id"], "expected": plain(case["expected"]), "got": plain(shown), "fields": wrong}
            )
    return report


def answer(kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """What our functions say to the inputs of a case of this kind.

    :raises Unsupported: if they have no word for it.
    """
    adapter = ADAPTERS.get(kind)
    if adapter is None:
        raise Unsupported("no function of ours is of this kind")
    return adapter(Inputs(inputs))


def read_cases(folder: Path) -> list[dict[str, Any]]:
    """The cases of every JSON file in the folder that has any; numbers are read as exact decimals."""
    cases: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        if isinstance(document, dict):
            cases += document.get("cases", [])
    return cases


def print_table(report: Report) -> None:
    """The same for people: a line a kind, then what disagrees and what is not supported, with reasons."""
    width = max(map(len, report.kinds), default=4)
    print(f"{'kind':{width}}  agree  disagree  unsupported")
    for kind, counts in sorted(report.kinds.items()):
        print(f"{kind:{width}}  {counts['agree']:5}  {counts['disagree']:8}  {counts['unsupported']:11}")
    for row in report.disagreements:
        print(f"\n{row['id']} disagrees in {', '.join(row['fields'])}")
        print(f"  expected {row['expected']}\n  got      {row['got']}")
    for kind, case_id, reason in report.unsupported:
        print(f"unsupported: {kind} {case_id}: {reason}")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of ground-truth JSON files")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        parser.error(f"{arguments.folder} is not a folder")
    report = check(read_cases(arguments.folder))
    if arguments.json:
        rows = [{key: row[key] for key in ("id", "expected", "got")} for row in report.disagreements]
        print(json.dumps({"kinds": report.kinds, "disagreements": rows}, ensure_ascii=False))
    else:
        print_table(report)
    return 1 if report.disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
