"""Throw-away receivers, as people write them: a Flask route around the verifier of a package that is there for others.

Each package signs something of its own beside the body. What is overridden here is that, and nothing else: LicenseChain
signs the raw body alone.
"""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

__all__ = ["PEERS", "make_peer"]

Verify = Callable[[bytes, Mapping[str, str]], bool]


def _mac(secret: str, body: str) -> bytes:
    return hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest()


def _stripe(secret: str) -> Verify:
    from stripe import SignatureVerificationError, WebhookSignature

    class Signature(WebhookSignature):
        @staticmethod
        def _compute_signature(payload: str, secret: str) -> str:
            return _mac(secret, payload.partition(".")[2]).hex()

    def verify(body: bytes, headers: Mapping[str, str]) -> bool:
        header = f"t={headers.get('X-Webhook-Timestamp')},v1={headers.get('X-Webhook-Signature')}"
        try:
            return bool(Signature.verify_header(body, header, secret, tolerance=300))
        except SignatureVerificationError:
            return False

    return verify


def _slack_sdk(secret: str) -> Verify:
    from slack_sdk.signature import SignatureVerifier

    class Verifier(SignatureVerifier):
        def generate_signature(self, *, timestamp: str, body: Any) -> str:
            return _mac(self.signing_secret, body.decode()).hex()

    def verify(body: bytes, headers: Mapping[str, str]) -> bool:
        signature = headers.get("X-Webhook-Signature")
        return Verifier(secret).is_valid(body, headers.get("X-Webhook-Timestamp"), signature)

    return verify


def _standardwebhooks(secret: str) -> Verify:
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError

    class Hook(Webhook):
        def sign(self, msg_id: str, timestamp: Any, data: str) -> str:
            return "v1," + base64.b64encode(_mac(secret, data)).decode()

    def verify(body: bytes, headers: Mapping[str, str]) -> bool:
        signature = headers.get("X-Webhook-Signature", "")
        with suppress(ValueError):  # what is not hex goes on as it is
            signature = base64.b64encode(bytes.fromhex(signature)).decode()
        theirs = {
            "webhook-id": "none",
            "webhook-timestamp": headers.get("X-Webhook-Timestamp", ""),
            "webhook-signature": f"v1,{signature}",
        }
        try:
            Hook(base64.b64encode(secret.encode()).decode()).verify(body, theirs)
        except WebhookVerificationError:
            return False
        return True

    return verify


def _gidgethub(secret: str) -> Verify:
    from gidgethub import ValidationFailure, sansio

    def verify(body: bytes, headers: Mapping[str, str]) -> bool:
        signature = headers.get("X-Webhook-Signature")
        if signature is None:
            return False
        try:
            sansio.validate_event(body, signature=f"sha256={signature}", secret=secret)
        except ValidationFailure:
            return False
        return True

    return verify


PEERS: Mapping[str, Callable[[str], Verify]] = {
    "stripe": _stripe,
    "slack_sdk": _slack_sdk,
    "standardwebhooks": _standardwebhooks,
    "gidgethub": _gidgethub,
}


def make_peer(package: str, secret: str, runs_path: str) -> Any:
    """A Flask application that verifies with a package, and then does what it has to do for the event."""
    from flask import Flask, abort, request

    verify = PEERS[package](secret)
    runs = os.open(runs_path, os.O_WRONLY | os.O_APPEND)
    app = Flask(package)

    @app.post("/webhooks/licensechain")
    def receive() -> dict[str, bool]:
        if not verify(request.get_data(), request.headers):
            abort(401)
        event = json.loads(request.get_data())
        os.write(runs, f"{event['id']}\n".encode())
        return {"received": True}

    return app
