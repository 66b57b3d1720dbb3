"""Deduplication in Redis or Valkey: for several processes and hosts that run handlers inline."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha1
from types import MappingProxyType
from typing import Any, get_args
from uuid import uuid4

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import NoScriptError
    from redis.retry import Retry
except ImportError as error:
    msg = "this module needs redis-py: pip install 'licensechain-hooks[redis]'"
    raise ImportError(msg) from error

from licensechain_hooks import events
from licensechain_hooks._stores import Reservation, ReservationState
from licensechain_hooks.exceptions import ConfigurationError, StoreUnavailableError

__all__ = ["RedisDeduplicator"]

logger = logging.getLogger("licensechain_hooks")

_PATIENCE = 0.8  # seconds to connect, and for an answer: 2 seconds for all of it, at the worst
_LONGEST_PATIENCE = 2.0
_PAUSE = 1.0  # seconds for which nobody is made to wait for a server that has just not answered
_UNANSWERED, _AT_ONCE = 1000, 20  # reservations to be given back after an outage: in all, by one delivery

# One key for each event, so that a cluster spreads them; a hash of `digest` (of the content) and, while handlers run,
# of `token` (who holds it) and `until` (when the lease ends, in milliseconds of the server's clock).
_RESERVE = """
local known = redis.call('HMGET', KEYS[1], 'digest', 'until', 'token')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if known[3] == ARGV[1] then return 0 end  -- asked again, for the answer was lost
if known[1] and (not known[2] or tonumber(known[2]) > now) then
  if known[1] ~= ARGV[2] then return 3 end
  return known[2] and 2 or 1
end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'digest', ARGV[2], 'until', string.format('%.0f', now + ARGV[3]))
if ARGV[4] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 0
"""
_STATES: tuple[ReservationState, ...] = get_args(ReservationState)  # in the order of those numbers
_COMPLETE = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'token', 'until')
if ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
"""
_RELEASE = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
_HASHES: Mapping[str, str] = MappingProxyType(
    {script: sha1(script.encode(), usedforsecurity=False).hexdigest() for script in (_RESERVE, _COMPLETE, _RELEASE)}
)


class RedisDeduplicator:
    """Remembers events in a Redis or Valkey that every process of an application reaches.

    Redis must not forget: ``maxmemory-policy`` has to be ``noeviction``, and what it keeps on its disk decides what it
    knows after a crash. One that starts empty knows no event: a redelivery of a finished one runs again. So does a
    failover to a replica that lacks the last writes. Where a duplicate must never run again, use an inbox.

    While Redis does not answer the sender gets 503. Leases are measured by its clock, not by those of the hosts.

    Args:
        url_or_client: such as ``"redis://:password@host:6379/0"``, ``"rediss://…"`` for TLS, ``"unix:///socket"``; or a
            ``redis.Redis`` (one of Sentinel's, too) or ``redis.RedisCluster`` with a ``socket_timeout`` of 2 seconds at
            most, and with as little retrying as senders can wait for.
        retention: how long a finished event is remembered; ``None``: for ever.
        lease: after this long a reservation whose handlers have not ended no longer holds back a redelivery.
        prefix: of the keys, which are ``<prefix><endpoint>:<event id>``.

    Raises:
        ConfigurationError: no such address, a client that waits too long, durations that make no sense.
    """

    in_process = False

    def __init__(
        self,
        url_or_client: str | redis.Redis | redis.RedisCluster,
        *,
        retention: timedelta | None = timedelta(days=35),
        lease: timedelta = timedelta(minutes=5),
        prefix: str = "licensechain:",
    ) -> None:
        if lease < timedelta(milliseconds=1) or (retention is not None and retention < lease):
            msg = "lease must be positive, and retention at least as long"
            raise ConfigurationError(msg)
        self.retention = retention
        self._client: Any = _client_of(url_or_client) if isinstance(url_or_client, str) else url_or_client
        _check_patience(self._client)
        self._lease = _milliseconds(lease)
        self._retention = 0 if retention is None else _milliseconds(retention)
        self._prefix = prefix
        self._keeps = False  # whether the server is known not to forget
        self._ask_at = 0.0  # monotonic seconds
        self._unanswered: deque[tuple[tuple[str, str], str]] = deque(maxlen=_UNANSWERED)

    def __repr__(self) -> str:
        """No address, for that may hold a password."""
        return f"RedisDeduplicator(prefix={self._prefix!r})"

    def close(self) -> None:
        """Close the connections. The deduplicator stays usable."""
        self._client.close()

    def reserve(self, endpoint: str, event_id: str, body: bytes) -> Reservation:
        """See `Deduplicator.reserve`.

        Raises:
            ConfigurationError: Redis may forget events to make room for others.
        """
        if time.monotonic() < self._ask_at:
            msg = "Redis did not answer a moment ago"
            raise StoreUnavailableError(msg)
        if not self._keeps:
            self._check_policy()
        self._give_unanswered_back()
        key, token = (endpoint, event_id), uuid4().hex
        try:
            state = self._run(_RESERVE, key, token, events.content_digest(body), self._lease, self._retention)
        except StoreUnavailableError:
            self._unanswered.append((key, token))
            raise
        return Reservation(state=_STATES[state], key=key, token=token)

    def complete(self, reservation: Reservation) -> None:
        """See `Deduplicator.complete`."""
        if not self._run(_COMPLETE, reservation.key, reservation.token, self._retention):
            _warn_of_lost_lease(*reservation.key)

    def release(self, reservation: Reservation) -> None:
        """See `Deduplicator.release`."""
        if not self._run(_RELEASE, reservation.key, reservation.token):
            _warn_of_lost_lease(*reservation.key)

    def _give_unanswered_back(self) -> None:
        """Free what may have been reserved although no answer came: a server that hung does later what it was told."""
        for _ in range(_AT_ONCE):
            try:
                key, token = self._unanswered.popleft()
            except IndexError:
                return
            try:
                self._run(_RELEASE, key, token)
            except StoreUnavailableError:
                self._unanswered.append((key, token))
                raise

    def _run(self, script: str, key: tuple[str, str], *arguments: str | int) -> int:
        name = self._prefix + ":".join(key)
        try:
            return self._evaluate(script, name, *arguments)
        except redis.ConnectionError:  # of a connection that was closed meanwhile; each script may run twice
            self._keeps = False
        except (redis.RedisError, OSError) as error:
            raise self._unavailable(error) from error
        try:
            return self._evaluate(script, name, *arguments)
        except (redis.RedisError, OSError) as error:
            raise self._unavailable(error) from error

    def _evaluate(self, script: str, name: str, *arguments: str | int) -> int:
        try:
            return int(self._client.evalsha(_HASHES[script], 1, name, *arguments))
        except NoScriptError:
            return int(self._client.eval(script, 1, name, *arguments))

    def _check_policy(self) -> None:
        """See that the server, or each of a cluster, rather refuses a write than forgets an event."""
        everywhere = {"target_nodes": "primaries"} if isinstance(self._client, redis.RedisCluster) else {}
        try:
            found: dict[str, Any] = self._client.info("memory", **everywhere)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise self._unavailable(error) from error
        except redis.RedisError:  # forbidden, where Redis is somebody's service
            found = {}
        answers = [answer for answer in (found, *found.values()) if isinstance(answer, dict)]
        policies = {answer["maxmemory_policy"] for answer in answers if "maxmemory_policy" in answer}
        forgetful = policies - {"noeviction"}
        if forgetful:
            msg = f"Redis may forget events (maxmemory-policy is {forgetful.pop()}): set maxmemory-policy noeviction"
            raise ConfigurationError(msg)
        if not policies:
            logger.warning(
                "deduplicator.eviction_unknown: Redis does not tell; its maxmemory-policy must be noeviction"
            )
        self._keeps = True

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        if isinstance(error, redis.TimeoutError):
            self._ask_at = time.monotonic() + _PAUSE
        said = str(error).strip().splitlines()
        return StoreUnavailableError(f"Redis: {type(error).__name__}: {said[0] if said else ''}"[:300])


def _client_of(url: str) -> redis.Redis:
    try:
        client = redis.Redis.from_url(
            url,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )
        client.connection_pool.make_connection()  # else an unknown option is noticed by the first delivery
    except (ValueError, TypeError) as error:
        # The error's own text may quote the URL, and so the password.
        msg = f"this is no URL of a Redis ({type(error).__name__}); it looks like redis://host:6379/0 or rediss://…"
        raise ConfigurationError(msg) from None
    return client


def _check_patience(client: Any) -> None:
    if not isinstance(client, redis.Redis | redis.RedisCluster):
        msg = f"a deduplicator needs a URL, a redis.Redis or a redis.RedisCluster, not {type(client).__module__}"
        raise ConfigurationError(msg)
    patience = client.get_connection_kwargs().get("socket_timeout")
    if not isinstance(patience, int | float) or not 0 < patience <= _LONGEST_PATIENCE:
        msg = f"Redis must not keep senders waiting: give it a socket_timeout of {_LONGEST_PATIENCE:g} seconds at most"
        raise ConfigurationError(msg)


def _warn_of_lost_lease(endpoint: str, event_id: str) -> None:
    facts = {"endpoint": endpoint, "event_id": event_id}
    text = "deduplicator.lease_lost endpoint=%(endpoint)s event_id=%(event_id)s: is the lease shorter than a handler?"
    logger.warning(text, facts, extra=facts)


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
