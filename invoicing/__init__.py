"""Invoices: what is owed, on paper, and in the books."""
