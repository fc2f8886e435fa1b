"""What every API endpoint shares: problems, paging, idempotency, the document."""
