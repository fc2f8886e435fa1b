"""The runner finds what is wrong, names what it cannot do, and needs no expected value to answer."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RUNNER = Path(__file__).with_name("run.py")

AGREES = {
    "id": "edate",
    "kind": "add_months_clamped",
    "inputs": {"date": "2008-03-31", "months": -1},
    "expected": {"date": "2008-02-29"},
    "tolerance": 0,
}
TOLERATED = {
    "id": "sln",
    "kind": "SLN",
    "inputs": {"cost": 100, "salvage": 0, "life": 3},
    "expected": {"per_period": 33.3},
    "tolerance": {"*": 0, "per_period": 0.04},
}
VAT: dict[str, Any] = {
    "id": "invoice",
    "kind": "invoice_totals",
    "inputs": {
        "currency": "EUR",
        "lines": [
            {"qty": "1", "price": "100", "base_qty": "1", "vat_cat": "S", "vat_rate": "25.0"},
            {"qty": "1", "price": "10", "base_qty": "1", "vat_cat": "E", "vat_rate": "0"},
        ],
    },
    "expected": {
        "vat": [
            {"cat": "E", "rate": "0", "basis": "10.00", "tax": "0"},
            {"cat": "S", "rate": "25", "basis": "100", "tax": "25"},
        ],
        "totals": {"payable": "135", "prepaid": None},
    },
    "tolerance": 0,
}


DATED: dict[str, Any] = {
    "id": "schedule",
    "kind": "lessor_net_investment_schedule",
    "inputs": {
        "net_investment": 200,
        "payment": 110,
        "rate": 0.1,
        "residual": 0,
        "n": 2,
        "timing": "advance",
    },
    "expected": {"rows": [["2011-01-01", 110, 0, 110, 90], ["2012-01-01", 110, 20, 90, 0]]},
    "tolerance": 0.01,
}


def changed(case, **expected):
    return case | {"expected": case["expected"] | expected}


@pytest.fixture
def run(tmp_path):
    def run_cases(*cases, flags=("--json",)):
        (tmp_path / "some.json").write_text(json.dumps({"file": "some.json", "cases": list(cases)}))
        (tmp_path / "other.json").write_text(json.dumps(["no cases here"]))
        done = subprocess.run(
            [sys.executable, RUNNER, tmp_path, *flags],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout

    return run_cases


class TestRunner:
    def test_counts_what_agrees(self, run):
        code, printed = run(AGREES, TOLERATED, VAT, DATED)
        assert code == 0
        assert json.loads(printed) == {
            "kinds": {
                "add_months_clamped": {"agree": 1, "disagree": 0, "unsupported": 0},
                "SLN": {"agree": 1, "disagree": 0, "unsupported": 0},
                "invoice_totals": {"agree": 1, "disagree": 0, "unsupported": 0},
                "lessor_net_investment_schedule": {"agree": 1, "disagree": 0, "unsupported": 0},
            },
            "disagreements": [],
        }

    @pytest.mark.parametrize(
        "wrong",
        [
            changed(AGREES, date="2008-02-28"),
            changed(AGREES, weekday="Friday"),  # a field that our answer lacks
            changed(TOLERATED, per_period=33.2),
            changed(DATED, rows=[["2011-01-01", 110, 0, 110, 90], ["2012-02-01", 110, 20, 90, 0]]),
            changed(DATED, rows=[["2011-01-01", 110, 0, 110, 90], ["2012-01-01", 110, 21, 89, 0]]),
            changed(VAT, vat=VAT["expected"]["vat"][:1]),
            changed(VAT, totals={"payable": "135.01"}),
            changed(VAT, totals={"payable": "135", "tax_inclusive": None}),
        ],
    )
    def test_ends_with_1_on_any_disagreement(self, run, wrong):
        code, printed = run(AGREES, wrong)
        assert code == 1
        (row,) = json.loads(printed)["disagreements"]
        assert row["id"] == wrong["id"]
        assert set(row) == {"id", "expected", "got"}

    def test_calls_a_rule_that_fails_a_disagreement(self, run):
        broken = AGREES | {"inputs": {"date": "2008-13-31", "months": -1}}
        code, printed = run(broken)
        assert code == 1
        assert "ValueError" in printed

    def test_names_what_it_cannot_do(self, run):
        strange = {"id": "x", "kind": "tulips", "inputs": {}, "expected": {"price": 1}}
        less = {"id": "y", "kind": "SLN", "inputs": {"cost": 1}, "expected": {"per_period": 1}}
        code, printed = run(strange, less, flags=())
        assert code == 0
        assert "unsupported: tulips x: no function of ours is of this kind" in printed
        assert "unsupported: SLN y: no input 'life'" in printed

    def test_answers_without_looking_at_what_is_expected(self, run):
        # Two cases with the same inputs and different expectations cannot both agree.
        code, _ = run(TOLERATED, changed(TOLERATED, per_period=34))
        assert code == 1
