"""What falls on which day across contexts: the calendar, its feed for programs, and the rents to come."""
