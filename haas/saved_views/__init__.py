"""Views of lists that people name and keep: what of a list's URL is theirs, and whom it is shown to."""
