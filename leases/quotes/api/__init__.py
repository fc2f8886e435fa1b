"""REST of quotes, terms of contract and purchase needs."""
