"""The bank: accounts, statements as they came in, matching of what was paid, SEPA collections."""
