"""States of an asset and the moves between them."""

from __future__ import annotations

from enum import StrEnum

from haas.lifecycle import Lifecycle


class AssetState(StrEnum):
    """Where an asset is in its physical life (custody, contract, health, title and books are apart)."""

    ORDERED = "ordered"
    RECEIVED = "received"
    STAGING = "staging"
    READY = "ready"
    RESERVED = "reserved"
    IN_TRANSIT_OUT = "in_transit_out"
    IN_SERVICE = "in_service"
    IN_REPAIR = "in_repair"
    RETURN_DUE = "return_due"
    IN_TRANSIT_IN = "in_transit_in"
    QUARANTINE = "quarantine"
    GRADED = "graded"
    REFURBISHING = "refurbishing"
    RETIRED = "retired"
    DISPOSED = "disposed"
    BOUGHT_OUT = "bought_out"
    LOST = "lost"
    STOLEN = "stolen"


S = AssetState
FINAL = frozenset({S.DISPOSED, S.BOUGHT_OUT})
SERVING = frozenset({S.IN_SERVICE, S.IN_REPAIR})
AT_CLIENT = frozenset({S.IN_SERVICE, S.RETURN_DUE})
# May hold a client's data until a wipe certificate newer than its last service says otherwise.
DATA_BEARING = frozenset(
    {
        S.IN_SERVICE,
        S.IN_REPAIR,
        S.RETURN_DUE,
        S.IN_TRANSIT_IN,
        S.QUARANTINE,
        S.GRADED,
        S.REFURBISHING,
        S.RETIRED,
    }
)
LOSABLE = frozenset(set(S) - FINAL - {S.ORDERED, S.LOST, S.STOLEN})

# fmt: off
ASSET_LIFECYCLE: Lifecycle[AssetState] = Lifecycle("asset", {
    # verb        from                                                to
    "receive":   (frozenset({S.ORDERED}),                             S.RECEIVED),
    "stage":     (frozenset({S.RECEIVED}),                            S.STAGING),
    "make_ready": (frozenset({S.STAGING}),                            S.READY),
    "reserve":   (frozenset({S.READY}),                               S.RESERVED),
    "release":   (frozenset({S.RESERVED}),                            S.READY),
    "ship":      (frozenset({S.RESERVED}),                            S.IN_TRANSIT_OUT),
    "accept":    (frozenset({S.IN_TRANSIT_OUT}),                      S.IN_SERVICE),
    "refuse":    (frozenset({S.IN_TRANSIT_OUT}),                      S.IN_TRANSIT_IN),
    "send_to_repair": (frozenset({S.IN_SERVICE}),                     S.IN_REPAIR),
    "restore":   (frozenset({S.IN_REPAIR}),                           S.IN_SERVICE),
    "recall":    (frozenset({S.IN_SERVICE, S.IN_REPAIR}),             S.RETURN_DUE),
    "keep":      (frozenset({S.RETURN_DUE}),                            S.IN_SERVICE),
    "collect":   (frozenset({S.RETURN_DUE}),                          S.IN_TRANSIT_IN),
    "dock":      (frozenset({S.IN_TRANSIT_IN}),                       S.QUARANTINE),
    "grade":     (frozenset({S.QUARANTINE}),                          S.GRADED),
    "refurbish": (frozenset({S.GRADED}),                              S.REFURBISHING),
    "restock":   (frozenset({S.REFURBISHING}),                        S.READY),
    "retire":    (frozenset({S.GRADED, S.REFURBISHING, S.READY}),     S.RETIRED),
    "dispose":   (frozenset({S.RETIRED}),                             S.DISPOSED),
    "buy_out":   (frozenset({S.IN_SERVICE, S.RETURN_DUE}),            S.BOUGHT_OUT),
    "report_lost": (LOSABLE,                                          S.LOST),
    "report_stolen": (LOSABLE,                                        S.STOLEN),
    "recover":   (frozenset({S.LOST, S.STOLEN}),                      S.QUARANTINE),
})
# fmt: on
