"""Who is reminded of what is overdue, when and how; what is charged for it; what is to be expected."""
