"""Customers, licenses, seats."""
