"""Doors and reads of the devices that agents speak for: state, messages, orders, enrolment."""
