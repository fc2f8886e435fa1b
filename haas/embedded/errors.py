"""Why the one-machine stack refuses to start, in words that name the remedy."""


class StackError(RuntimeError):
    """Something on this machine is missing or in the way; the message says what to do."""
