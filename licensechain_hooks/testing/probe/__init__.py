"""Whether an endpoint, whoever wrote it, survives the catalogue of bad input.

::

    from licensechain_hooks.testing.probe import Probe


    def test_my_endpoint(my_server):
        findings = list(Probe(f"{my_server.url}/webhooks/licensechain", my_server.secret).findings())
        assert [finding for finding in findings if finding.verdict == "falls short"] == []

``licensechain-hooks probe URL`` is the same on the command line.
"""

from licensechain_hooks.testing.probe._exchange import UnreachableError
from licensechain_hooks.testing.probe._findings import Finding, Verdict
from licensechain_hooks.testing.probe._items import Profile
from licensechain_hooks.testing.probe._probe import Probe, size_of

__all__ = ["Finding", "Probe", "Profile", "UnreachableError", "Verdict", "size_of"]
