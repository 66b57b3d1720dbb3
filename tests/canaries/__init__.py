"""Faults planted one by one in a copy of the package, to see that a test notices each: ``python -m tests.canaries``."""
