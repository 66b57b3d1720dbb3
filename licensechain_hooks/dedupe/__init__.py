"""Deduplicators for inline mode. Nothing is imported here: each store lives in its own module."""
