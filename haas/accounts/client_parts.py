"""What contexts above tell of clients: on a client's page, in the list and in the API; they hang it here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from haas.auth.caller import Caller
from haas.tenancy.models import Client

# HTML of a client's page.
cards: list[Callable[[Caller, Client], str]] = []
# Of the clients of a list, the ids of those that owe more than they may.
over_limit: list[Callable[[Caller, Sequence[Client]], set[str]]] = []
# The value of `exposure` in the API; none for who may not see it.
exposures: list[Callable[[Caller, Client], Any]] = []
