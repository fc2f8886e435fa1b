"""E-invoices: the frozen document as the two syntaxes of EN 16931, and what a document lacks for them."""
