"""Pages of sign-in, one's own account, team, clients, tokens, branding, settings, audit; the operator's."""
