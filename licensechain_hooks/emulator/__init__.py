"""A local LicenseChain."""
