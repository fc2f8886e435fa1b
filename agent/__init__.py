"""The program on the leased device: collects health and inventory, keeps it, sends it."""

__version__ = "1.0.0"
