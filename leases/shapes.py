"""A lease and its lines as a caller may see them: what a partner counts on at the end is not the client's."""

from __future__ import annotations

from typing import Any

from haas.auth.caller import Caller
from leases.models import Lease, Line
from leases.schemas import LeaseResource, LineResource

_LEASE_FIELDS = tuple(LeaseResource().fields)
_LINE_FIELDS = tuple(LineResource().fields)
_MONEY = frozenset({"residual_value"})


def shape_lease(caller: Caller, lease: Lease) -> dict[str, Any]:
    """The lease with its lines, which must be loaded."""
    return {
        **{name: getattr(lease, name) for name in _LEASE_FIELDS},
        "lines": [shape_line(caller, line) for line in lease.lines],
    }


def shape_line(caller: Caller, line: Line, **more: Any) -> dict[str, Any]:
    """The line; its residual value only with `asset.cost.read`."""
    hidden = frozenset() if caller.may("asset.cost.read") else _MONEY
    return {**{name: getattr(line, name) for name in _LINE_FIELDS if name not in hidden}, **more}
