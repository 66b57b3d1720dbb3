"""LicenseChain's management API."""
