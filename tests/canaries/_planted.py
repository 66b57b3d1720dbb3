"""The faults: each is one that a receiver somewhere has, or that a careless change would bring."""

from dataclasses import dataclass

__all__ = ["CANARIES", "Canary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A fault.

    Attributes:
        name: what is wrong.
        module: the file it is planted in.
        old: the text it takes the place of, which the module holds once.
        new: the fault.
        tests: what must notice it.
    """

    name: str
    module: str
    old: str
    new: str
    tests: tuple[str, ...]


_CONFORMANCE = "tests/inbox/test_inbox_conformance.py::Test"
_LOST = ("test_a_lost_lease", "test_the_new_holder_goes_on")

CANARIES = (
    Canary(
        name="digests compared by ==",
        module="_signing.py",
        old="if compare_digest(key.mac(body), mac):",
        new="if key.mac(body) == mac:",
        tests=("tests/unit/test_signing.py::test_digests_meet_in_constant_time",),
    ),
    Canary(
        name="only the first of two signatures looked at",
        module="_signing.py",
        old='        raise VerificationError("signature_conflict")',
        new="        return unhexlify(_split(signatures)[0])",
        tests=("tests/unit/test_signing.py::test_two_different_signatures",),
    ),
    Canary(
        name="tolerance on one side only",
        module="_signing.py",
        old="if not -tolerance <= now - sent_at <= tolerance:",
        new="if now - sent_at > tolerance:",
        tests=("tests/unit/test_signing.py::test_times_outside_the_tolerance",),
    ),
    Canary(
        name="an empty secret signs",
        module="_endpoint.py",
        old="    if not text.strip():\n",
        new="    if False:\n",
        tests=("tests/unit/test_tenants.py", "tests/unit/test_endpoint_settings.py"),
    ),
    Canary(
        name="parsed before verified",
        module="_endpoint.py",
        old="        lenient = self._lenient\n        verify_signature(",
        new="        lenient = self._lenient\n        parse(body, lenient=lenient)\n        verify_signature(",
        tests=("tests/unit/test_endpoint_open.py::test_the_signature_decides_before_all_else",),
    ),
    Canary(
        name="any age of the signed timestamp",
        module="_endpoint.py",
        old="if now - happened_at > self._max_age:",
        new="if now - happened_at > 10 * self._max_age:",
        tests=("tests/unit/test_endpoint_open.py::test_the_age_of_the_signed_timestamp",),
    ),
    Canary(
        name="a body without a limit",
        module="_reading.py",
        old="    left = max_body + 1\n",
        new="    left = 10**9\n",
        tests=("tests/unit/test_reading.py",),
    ),
    Canary(
        name="duplicates looked up before the signature, inline",
        module="_inline.py",
        old="        event = self.endpoint.open_request(request)\n",
        new=(
            "        early = events.reparse(request.raw_body)\n"
            "        known = self._reserve(early, request.raw_body)\n"
            '        if known.state != "new":\n'
            "            return _seen(known, early)\n"
            "        self._settle(known, done=False)\n"
            "        event = self.endpoint.open_request(request)\n"
        ),
        tests=("tests/unit/test_receiver_store.py::test_a_forged_redelivery",),
    ),
    Canary(
        name="recorded before the signature, durable",
        module="_durable.py",
        old="        envelope = self._endpoint.parse_request(request, events.parse_envelope)\n",
        new=(
            "        self._records.submit(self._entry(events.parse_envelope(request.raw_body), request))\n"
            "        envelope = self._endpoint.parse_request(request, events.parse_envelope)\n"
        ),
        tests=("tests/unit/test_receiver_durable.py::test_what_is_refused_is_not_stored",),
    ),
    Canary(
        name="answered before it is recorded",
        module="_durable.py",
        old="        recorded = self._records.submit(entry)\n",
        new=(
            "        import threading\n"
            "        threading.Timer(0.2, self._records.submit, (entry,)).start()\n"
            '        recorded = Recorded("new", 0)\n'
        ),
        tests=(
            "tests/unit/test_receiver_durable.py::test_new",
            "tests/unit/test_receiver_durable.py::test_a_store_that_fails",
        ),
    ),
    Canary(
        name="a failed event remembered as done",
        module="_inline.py",
        old='        self._settle(reservation, done=outcome.name == "processed")',
        new="        self._settle(reservation, done=True)",
        tests=("tests/unit/test_receiver_failures.py::test_whatever_a_handler_raises",),
    ),
    Canary(
        name="transactions without the fence",
        module="inbox/database.py",
        old='            if not rows_of(cursor, self._sql.fence, {"id": claim.pk, "token": claim.token}):',
        new="            if False:",
        tests=tuple(f"{_CONFORMANCE}SQLite::{test}" for test in _LOST),
    ),
    Canary(
        name="settled without the token",
        module="inbox/_statements.py",
        old='"WHERE e.id = %(id)s AND e.lease_token = %(token)s"',
        new='"WHERE e.id = %(id)s"',
        tests=(f"{_CONFORMANCE}SQLite::test_the_new_holder_goes_on",),
    ),
    Canary(
        name="a lost lease held, in memory",
        module="inbox/memory.py",
        old="return row if row is not None and row.token == claim.token else None",
        new="return row",
        tests=tuple(f"{_CONFORMANCE}Memory::{test}" for test in _LOST),
    ),
    Canary(
        name="attempts not counted when claimed",
        module="inbox/_statements.py",
        old="\"state = 'processing', attempts = e.attempts + 1, lease_token",
        new="\"state = 'processing', lease_token",
        tests=(f"{_CONFORMANCE}SQLite::test_after_the_lease",),
    ),
    Canary(
        name="dead letters purged",
        module="inbox/_memory_operating.py",
        old='frozenset({"processed", "ignored", "conflict"})',
        new='frozenset({"processed", "ignored", "conflict", "dead"})',
        tests=(f"{_CONFORMANCE}Memory::test_what_is_not_finished_stays",),
    ),
    Canary(
        name="order of a license ignored",
        module="inbox/memory.py",
        old="return row.new.ordering_key is None or self._unfinished[row.queue][0] == row.pk",
        new="return True",
        tests=("tests/unit/test_receiver_durable.py::test_ordering_by_license", f"{_CONFORMANCE}Memory"),
    ),
    Canary(
        name="handlers run again that had finished",
        module="worker/_run.py",
        old="finished = {row.handler for row in known if row.is_finished}",
        new="finished = set()",
        tests=("tests/worker/test_worker_attempts.py",),
    ),
    Canary(
        name="an outcome keeps the frames of its error",
        module="_outcome.py",
        old="        without_frames(error)\n",
        new="",
        tests=("tests/unit/test_receiver_answers.py::test_an_error_without_frames",),
    ),
    Canary(
        name="an event shows its data",
        module="events/_base.py",
        old='        return [("id", self.id), ("type", self.type)]',
        new='        return [("id", self.id), ("data", self.data.__dict__)]',
        tests=("tests/unit/test_logs.py::test_outcomes_show_nothing", "tests/unit/test_event_models.py"),
    ),
)
