"""The application around the trade: what every context stands on, and what joins them."""
