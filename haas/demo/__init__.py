"""The demo's scenes: two believable partners with a year behind them, and devices waiting to be enrolled."""

from haas.demo.enrolments import OpenEnrolment, open_enrolments
from haas.demo.seed import seed

__all__ = ["OpenEnrolment", "open_enrolments", "seed"]
