"""Who is calling, and what may they do: sessions, API tokens, permissions."""
