"""The pages of payments: settings, clients' methods, an invoice's attempts, pay by link, payouts."""
