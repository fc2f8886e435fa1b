"""What holds reminders and automatic charges back; payments and the bank ask it too."""
