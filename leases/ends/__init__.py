"""The end of a lease: notices, options with their prices, buying devices, and what a lost one costs."""
