"""Pro-forma invoices: what would be billed, on paper, without asking for money and outside the books."""
