"""Readers of the machine. Each module reads one thing; what is not there is absent, not an error.

A module offers ``health(machine)`` and/or ``inventory(machine)``, both returning plain maps or
lists in the shapes of ``agent.messages``, and raises ``Absent`` with the reason when the machine
has no such thing. ``machine.py`` asks all of them and lets none stop the others.
"""
