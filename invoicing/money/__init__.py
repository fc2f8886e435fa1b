"""Money that came in, what it paid, what a client has to its credit, and what goes back."""
