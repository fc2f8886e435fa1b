"""REST: agreements, leases, hand-over, swaps, returns and depreciation."""
