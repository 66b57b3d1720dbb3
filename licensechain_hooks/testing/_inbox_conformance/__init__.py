"""The chapters of the inbox conformance suite."""
