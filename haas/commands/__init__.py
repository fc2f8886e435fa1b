"""The commands of `haas`, one module a subject; each imports what it needs only when it runs."""
