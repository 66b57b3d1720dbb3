"""What is wrong with a delivery, and which of LicenseChain's dialects it speaks."""
