"""Portal pages of quotes."""
