"""Leases: who pays what, for which hardware, until when."""
