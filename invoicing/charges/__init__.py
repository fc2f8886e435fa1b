"""Charges by hand: a set-up fee, a delivery, a repair; once, or each month until a day."""
