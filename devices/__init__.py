"""The fleet: what hardware there is, where it is, and how it is doing."""
