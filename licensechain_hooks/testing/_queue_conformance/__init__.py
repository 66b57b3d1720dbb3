"""The parts of `licensechain_hooks.testing.queue_conformance`."""
