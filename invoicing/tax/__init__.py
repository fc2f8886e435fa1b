"""How a supply is taxed: place and status by law's rules, texts and codes, prices that include the tax."""
