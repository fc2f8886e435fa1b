"""The bench runs and tells both rates; how they compare is measured, not asserted, on a shared machine."""

from __future__ import annotations

import gc
import warnings

from tests.benchmarks import pdf


class TestPdfBench:
    def test_prints_the_figures_every_bench_prints(self):
        with warnings.catch_warnings():
            # The plain way leaves WeasyPrint's profile of colours open, until its page is collected.
            warnings.simplefilter("ignore", ResourceWarning)
            result = pdf.run(documents=4, all_cores=False)
            gc.collect()

        assert {
            "bench", "size", "seconds", "items_per_second", "reference", "reference_per_second", "ratio",
        } <= result.keys()  # fmt: skip
        assert result["ratio"] > 1  # never slower than the plain way
