"""The lessor's books: what happened, as balanced entries that nobody changes."""
