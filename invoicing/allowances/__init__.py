"""Discounts and surcharges: agreed by dated rules, shared out exactly by tax group and line."""
