"""`haas payment-provider`: a payment provider to test with. It takes no money, and misbehaves on demand."""
