"""A recipe for Tornado.

Copy this file, then::

    app = Application([(r"/webhooks/licensechain", WebhookHandler, {"receiver": receiver})])

and call ``receiver.start(asyncio.get_running_loop())`` before it serves, ``receiver.stop()`` after, in a thread.
"""

from tornado.web import RequestHandler, stream_request_body

from licensechain_hooks import HookRequest, Receiver

UNLIMITED = 2**62  # Tornado would end the connection without an answer; the receiver answers 413


@stream_request_body
class WebhookHandler(RequestHandler):
    """Answers deliveries."""

    def initialize(self, receiver: Receiver) -> None:
        """Take what the route gives."""
        self.receiver = receiver
        self.body = bytearray()

    def prepare(self) -> None:
        """Let the receiver judge the size."""
        self.request.connection.set_max_body_size(UNLIMITED)

    def data_received(self, chunk: bytes) -> None:
        """Keep the body as it arrives, but no more than one byte above what is allowed: that is too large already."""
        self.body += chunk[: self.receiver.endpoint.max_body + 1 - len(self.body)]

    async def answer(self) -> None:
        """Receive the delivery, whatever its method: the receiver answers 405 in its own words."""
        request = self.request
        hook_request = HookRequest(self.body, request.headers.get_all(), method=request.method, path=request.path)
        reply = (await self.receiver.areceive(hook_request)).reply
        self.set_status(reply.status)
        self.clear_header("Server")
        for name, value in reply.headers:
            self.set_header(name, value)
        self.finish(reply.body)

    get = head = post = put = patch = delete = options = answer

    def check_xsrf_cookie(self) -> None:
        """The signature is what admits a delivery."""
