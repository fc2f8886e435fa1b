"""Money taken by payment providers: hosted pages, saved methods, charges, refunds, payouts."""
