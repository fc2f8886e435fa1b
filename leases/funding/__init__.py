"""Leases that a finance house pays for: funders, what was agreed with them, what was paid to them."""
