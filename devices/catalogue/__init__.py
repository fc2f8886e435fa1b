"""Doors beside the asset itself: hardware models, imports, scans."""
