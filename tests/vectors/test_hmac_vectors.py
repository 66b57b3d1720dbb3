"""Other people's test vectors for HMAC-SHA256: only a full, right tag passes."""

import json
from pathlib import Path
from typing import Any

import pytest

from licensechain_hooks import VerificationError, sign
from licensechain_hooks._signing import SigningKey, read_signature, verify_signature


def passes(key: bytes, message: bytes, header: str) -> bool:
    """Whether a signature header would be accepted."""
    try:
        verify_signature([SigningKey(key)], message, read_signature(header.encode()))
    except VerificationError:
        return False
    return True


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_rfc_4231(corpora):
    """RFC 4231's tags pass, its truncated one (case 5) does not."""
    cases = load(corpora / "rfc4231" / "hmac_sha256.json")
    verdicts = {
        case["case"]: passes(bytes.fromhex(case["key_hex"]), bytes.fromhex(case["msg_hex"]), case["tag_hex"])
        for case in cases
    }
    assert {case["case"]: case["verdict"] == "accept" for case in cases} == verdicts
    assert len(verdicts) == 7


def test_wycheproof(corpora):
    """Of Wycheproof's tags only valid ones of 256 bits pass: neither modified nor truncated ones."""
    wrong = []
    counted = {True: 0, False: 0}
    for group in load(corpora / "wycheproof" / "hmac_sha256_test.json")["testGroups"]:
        for test in group["tests"]:
            expected = test["result"] == "valid" and group["tagSize"] == 256
            counted[expected] += 1
            if passes(bytes.fromhex(test["key"]), bytes.fromhex(test["msg"]), test["tag"]) is not expected:
                wrong.append(test["tcId"])
    assert wrong == []
    assert sum(counted.values()) == 174
    assert counted[True] > 30


def test_truncated_tags_are_true_prefixes(corpora):
    """The 128-bit tags of Wycheproof would pass a verifier that compares prefixes: ours knows the whole tag."""
    for group in load(corpora / "wycheproof" / "hmac_sha256_test.json")["testGroups"]:
        for test in group["tests"]:
            if test["result"] == "valid":
                mac = SigningKey(bytes.fromhex(test["key"])).mac(bytes.fromhex(test["msg"]))
                assert mac.hex()[: group["tagSize"] // 4] == test["tag"]


def test_documented_constants_of_the_same_scheme(corpora):
    """GitHub documents a secret, a body and their signature; theirs is the guide's scheme with a sha256= prefix."""
    documented = load(corpora / "standard-webhooks" / "vectors.json")["github_documented"]
    secret, body = documented["secret"], documented["body"].encode()
    assert documented["hex"] == sign(secret, body)
    assert passes(secret.encode(), body, f"sha256={documented['hex']}")
    assert not passes(secret.encode(), body + b"\n", documented["hex"])


@pytest.mark.parametrize("part", ["secret", "payload", "signature"])
def test_standard_webhooks_signatures_are_another_scheme(corpora, part):
    """A ``v1,<base64>`` signature is no hex digest and is refused, whatever the rest says."""
    vector = load(corpora / "standard-webhooks" / "vectors.json")["standard_webhooks"]
    assert vector[part]
    assert not passes(vector["secret"].encode(), vector["payload"].encode(), vector["signature"])
