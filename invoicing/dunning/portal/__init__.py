"""The portal's pages of reminders: who to call, what is disputed, the rules."""
