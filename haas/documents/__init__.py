"""Paper: what every printed document stands on: letterhead, words, figures, QR codes, the renderer."""
