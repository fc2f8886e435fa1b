"""Alerts: opened once per cause, routed, acknowledged, resolved."""
