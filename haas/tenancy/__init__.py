"""Partner, client, site; and whose rows a query may see."""
