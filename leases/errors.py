"""What a lease refuses, beside the illegal moves of its lifecycle."""

from __future__ import annotations

from haas.errors import Conflict


class LeaseNotEditable(Conflict):
    """Only a draft is edited; afterwards a line changes by an operation that leaves its trace."""

    code = "lease_not_editable"


class AssetTaken(Conflict):
    """The asset stands on another line at that instant."""

    code = "asset_taken"


class LineTaken(Conflict):
    """Another asset stands on the line at that instant."""

    code = "line_taken"


class AssetNotOnLease(Conflict):
    """The asset does not stand on this lease now."""

    code = "asset_not_on_lease"


class WrongAsset(Conflict):
    """What was scanned is not what was expected."""

    code = "wrong_asset"
