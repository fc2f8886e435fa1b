"""Portal pages of quotes, terms of contract and purchase needs; and what the link of a quote opens."""

from leases.quotes.portal import answering, editing, lifecycle, lists, record

__all__ = ["answering", "editing", "lifecycle", "lists", "record"]
