"""A client's purchase orders: under which order something is billed, and how much it allows."""
