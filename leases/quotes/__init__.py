"""Quotes: options side by side, sent, accepted in the browser, turned into a lease and what it needs."""
