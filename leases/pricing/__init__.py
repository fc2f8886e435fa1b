"""What a rent costs and why: wholesale, retail and client prices, rate cards, rises of prices."""
