"""Doors of identity: sign-in, one's account, team, clients, tokens, branding, audit; the operator."""
