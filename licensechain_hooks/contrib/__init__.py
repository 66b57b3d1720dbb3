"""Adapters, one module per framework. Nothing is imported here: each needs its own extra."""
