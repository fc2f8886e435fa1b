"""What the hardware earns: profit of one asset, and a league of models, clients, leases and ages."""
