"""Deduplication in Redis: what it needs of the server, and what becomes of deliveries without it."""

import asyncio
import importlib
import secrets
import ssl
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from relay import Relay

from licensechain_hooks import ConfigurationError, Endpoint, HookRequest, Hooks, Receiver, StoreUnavailableError
from licensechain_hooks.dedupe.redis import RedisDeduplicator
from licensechain_hooks.testing import event_body, make_event, sign_request

SECRET = "a-signing-secret-of-these-tests"
KEY = "LC-KEY-NEVER-IN-A-LOG"
CERTIFICATE = Path(__file__).parents[1] / "support" / "localhost.pem"  # with its key; nobody but itself signed it


class Site:
    """A receiver in inline mode, whose handler writes down what it gets."""

    def __init__(self, url: str, handler=None, **settings):
        self.runs: list[str] = []
        hooks = Hooks()
        hooks.on("*")(handler or (lambda event: self.runs.append(event.id)))
        self.deduplicator = RedisDeduplicator(url, **settings)
        self.receiver = Receiver(Endpoint(secrets=[SECRET]), hooks, deduplicator=self.deduplicator)

    def receive(self, request):
        return self.receiver.receive(request)


def delivery(event_id: str = "evt_1", **data) -> HookRequest:
    body = event_body(make_event("license.revoked", event_id=event_id, data=data | {"licenseKey": KEY}))
    return HookRequest(body, sign_request(body, SECRET))


@pytest.fixture
def site(valkey_server):
    """Makes sites on a server of one's own."""
    made = []

    def make(url=valkey_server.url, **settings):
        made.append(Site(url, **settings))
        return made[-1]

    yield make
    for each in made:
        each.deduplicator.close()


@pytest.fixture
def client(valkey_server):
    """What an operator looks with."""
    with redis.Redis.from_url(valkey_server.url, decode_responses=True) as client:
        yield client


def unavailable(outcome) -> str:
    """What is said of a delivery that got 503 with Retry-After."""
    assert (outcome.name, outcome.status, outcome.reason) == ("unavailable", 503, "store_unavailable")
    assert dict(outcome.reply.headers)["retry-after"] == "5"
    return str(outcome.error)


def test_processes_share_it(site):
    """What one receiver has run is a duplicate at every other one, other content a conflict."""
    one, other = site(), site()
    found = [each.receive(delivery()).name for each in (one, other, one)]
    assert found == ["processed", "duplicate", "duplicate"]
    assert other.receive(delivery(status="x")).name == "conflict"
    assert one.runs + other.runs == ["evt_1"]


def test_what_failed_runs_again(site):
    """An event whose handler fails is given back, for any receiver."""
    failing = site(handler=lambda _event: 1 / 0)
    good = site()
    assert [failing.receive(delivery()).status, good.receive(delivery()).name] == [500, "processed"]


def test_what_is_kept(site, client):
    """A key for each event, no content, and an end: of the retention, or none where it is kept for ever."""
    site().receive(delivery())
    site(retention=None, prefix="for-ever:").receive(delivery("evt:{2}"))
    assert sorted(client.keys("*")) == ["for-ever:default:evt:{2}", "licensechain:default:evt_1"]
    kept = client.hgetall("licensechain:default:evt_1")
    assert (set(kept), len(kept["digest"])) == ({"digest"}, 64)
    assert timedelta(days=34) < timedelta(seconds=client.ttl("licensechain:default:evt_1")) <= timedelta(days=35)
    assert client.ttl("for-ever:default:evt:{2}") == -1


def test_what_never_ends_is_not_kept_for_ever(site, client):
    """A process that dies leaves a reservation; it has an end as well."""
    one = site()
    one.deduplicator.reserve("default", "evt_1", delivery().raw_body)
    assert 0 < client.ttl("licensechain:default:evt_1") <= 35 * 86400


def test_the_receiver_checks_the_retention(valkey_url):
    """Who forgets an event while a captured delivery of it would still be accepted is refused."""
    short = RedisDeduplicator(valkey_url, retention=timedelta(days=30))
    with pytest.raises(ConfigurationError, match="RedisDeduplicator must remember events for max_event_age"):
        Receiver(Endpoint(secrets=[SECRET]), Hooks(), deduplicator=short)
    Receiver(Endpoint(secrets=[SECRET], max_event_age=timedelta(days=29)), Hooks(), deduplicator=short)


def test_a_lease_ends_by_the_server_s_clock(site):
    """A lease really ends, without anybody's doing, and not before the event was in flight."""
    one = site(lease=timedelta(milliseconds=300))
    body = delivery().raw_body
    states = [one.deduplicator.reserve("default", "evt_1", body).state]
    deadline = time.monotonic() + 60
    while states[-1] != "new" or len(states) == 1:
        states.append(one.deduplicator.reserve("default", "evt_1", body).state)
        assert time.monotonic() < deadline
    assert set(states[1:-1]) <= {"in_flight"}


def test_a_handler_longer_than_the_lease(site, caplog):
    """A redelivery takes the event over; what the slow run then says changes nothing, and the log tells of it."""
    runs, goes_on = threading.Event(), threading.Event()
    slow = site(handler=lambda _event: (runs.set(), goes_on.wait(60)), lease=timedelta(milliseconds=1))
    held = site(handler=lambda _event: 1 / 0)
    thread = threading.Thread(target=slow.receive, args=(delivery(),))
    thread.start()
    assert runs.wait(60)
    while held.receive(delivery()).name != "failed":  # once the lease has ended
        time.sleep(0.01)
    holder = held.deduplicator.reserve("default", "evt_1", delivery().raw_body)
    goes_on.set()
    thread.join()
    assert held.receive(delivery()).name == "in_flight"
    held.deduplicator.complete(holder)
    assert held.receive(delivery()).name == "duplicate"
    lost = [record for record in caplog.records if record.message.startswith("deduplicator.lease_lost")]
    assert [(record.endpoint, record.event_id) for record in lost] == [("default", "evt_1")]


# Without the server


@pytest.mark.parametrize("host", ["sync", "async"])
def test_a_server_that_is_gone(site, valkey_server, host):
    """While it is gone nothing runs and the sender is asked to come back; once it is there all goes on by itself."""
    one = site()
    receive = one.receive if host == "sync" else lambda request: asyncio.run(one.receiver.areceive(request))
    assert receive(delivery("evt_0")).name == "processed"
    valkey_server.stop()
    assert "Redis: ConnectionError" in unavailable(receive(delivery()))
    assert one.runs == ["evt_0"]
    valkey_server.start()
    assert [receive(delivery(event)).name for event in ("evt_1", "evt_0")] == ["processed", "duplicate"]


def test_a_server_that_crashed(site, valkey_server, client):
    """What is on its disk is known after a crash."""
    client.config_set("appendfsync", "always")
    one = site()
    one.receive(delivery())
    valkey_server.kill()
    valkey_server.start()
    assert [one.receive(delivery(event)).name for event in ("evt_1", "evt_2")] == ["duplicate", "processed"]


def test_a_server_that_has_forgotten(site, valkey_server, caplog):
    """Started empty it knows no event: a redelivery runs again, also of one that is under way, whose end is void."""
    one = site()
    one.receive(delivery("evt_1"))
    running = one.deduplicator.reserve("default", "evt_2", delivery("evt_2").raw_body)
    valkey_server.restart_empty()
    one.deduplicator.complete(running)
    assert [one.receive(delivery(event)).name for event in ("evt_1", "evt_2")] == ["processed"] * 2
    assert [one.receive(delivery(event)).name for event in ("evt_1", "evt_2")] == ["duplicate"] * 2
    assert one.runs == ["evt_1", "evt_1", "evt_2"]
    assert [record.event_id for record in caplog.records if "lease_lost" in record.message] == ["evt_2"]


def test_a_server_that_hangs(site, valkey_server):
    """It costs the first delivery its patience; for a moment nobody else waits; then it is asked again."""
    one = site()
    one.receive(delivery("evt_0"))
    valkey_server.pause()
    assert "Redis: TimeoutError" in unavailable(one.receive(delivery()))
    assert unavailable(one.receive(delivery())) == "Redis did not answer a moment ago"
    valkey_server.resume()
    while (outcome := one.receive(delivery())).name != "processed":
        unavailable(outcome)
        time.sleep(0.05)
    assert one.runs == ["evt_0", "evt_1"]


def test_what_a_hanging_server_did_in_the_end(site, valkey_server, client):
    """What it reserved for deliveries that got 503 is given back, a few at each delivery; not while it still hangs."""
    one = site()
    one.receive(delivery("evt_0"))
    valkey_server.pause()
    unavailable(one.receive(delivery()))
    one.deduplicator._ask_at = 0
    unavailable(one.receive(delivery()))
    valkey_server.resume()
    one.deduplicator._ask_at = 0
    others = [one.deduplicator.reserve("default", f"evt_{number}", delivery().raw_body) for number in range(2, 32)]
    one.deduplicator._unanswered += [(reservation.key, reservation.token) for reservation in others]
    seen = [one.receive(delivery(event)).name for event in ("evt_40", "evt_41", "evt_42")]
    assert seen == ["processed"] * 3
    kept = ["evt_0", "evt_40", "evt_41", "evt_42"]
    assert sorted(client.keys("*")) == [f"licensechain:default:{event}" for event in kept]


def test_a_hanging_server_does_not_hold_an_event_loop_up(site, valkey_server):
    """An async host goes on with other things while Redis is waited for."""
    one = site()

    async def main():
        waiting = asyncio.create_task(one.receiver.areceive(delivery()))
        turns = 0
        while not waiting.done():
            turns += 1
            await asyncio.sleep(0.01)
        return turns, await waiting

    valkey_server.pause()
    turns, outcome = asyncio.run(main())
    unavailable(outcome)
    assert turns > 5


def test_a_handler_s_outcome_stands(valkey_server, site, caplog):
    """Where Redis goes away while handlers run, what they did is what is answered; the log tells the rest."""
    one = site(handler=lambda _event: valkey_server.stop())
    assert one.receive(delivery()).name == "processed"
    assert "deduplicator.failed" in [record.message for record in caplog.records]


def test_an_answer_that_is_lost(valkey_server, site):
    """Where the connection breaks before the answer, the question is asked again: it is the same reservation."""
    with Relay(valkey_server.port) as relay:
        one = site(valkey_server.url.replace(str(valkey_server.port), str(relay.port)))
        one.receive(delivery("evt_0"))
        relay.lose_the_next_answer()
        asked = relay.asked
        assert one.receive(delivery()).name == "processed"
        assert relay.asked > asked + 2
        assert one.receive(delivery()).name == "duplicate"


# What the server has to be


def test_a_server_that_evicts(site, client):
    """It is refused, for an evicted event would run again, until it is set up well; then without a restart."""
    one = site()
    client.config_set("maxmemory-policy", "allkeys-lru")
    outcome = one.receive(delivery())
    assert (outcome.status, outcome.reason, one.runs) == (503, "misconfigured", [])
    assert str(outcome.error).endswith("(maxmemory-policy is allkeys-lru): set maxmemory-policy noeviction")
    client.config_set("maxmemory-policy", "noeviction")
    assert one.receive(delivery()).name == "processed"


def test_a_server_that_evicts_after_a_restart(site, valkey_server, client):
    """After each outage it is looked at again: another server may stand in its place."""
    one = site()
    one.receive(delivery())
    valkey_server.stop()
    unavailable(one.receive(delivery()))
    valkey_server.start()
    client.config_set("maxmemory-policy", "volatile-ttl")
    assert one.receive(delivery()).reason == "misconfigured"


def test_a_cluster_that_evicts(valkey_cluster):
    """In a cluster each node counts."""
    address = {"host": "127.0.0.1", "port": valkey_cluster.port, "password": valkey_cluster.password}
    with redis.RedisCluster(**address, socket_timeout=2) as client:
        valkey_cluster.run("CONFIG SET maxmemory-policy allkeys-lfu")
        try:
            with pytest.raises(ConfigurationError, match="allkeys-lfu"):
                RedisDeduplicator(client).reserve("default", "evt_1", delivery().raw_body)
        finally:
            valkey_cluster.run("CONFIG SET maxmemory-policy noeviction")


def test_a_server_that_does_not_tell(site, client, valkey_server, caplog):
    """Where nobody may ask for its policy, the log says once what it has to be."""
    client.execute_command("ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-info")
    one = site(f"redis://app:secret@127.0.0.1:{valkey_server.port}")
    assert [one.receive(delivery()).name for _ in range(2)] == ["processed", "duplicate"]
    assert len([record for record in caplog.records if "eviction_unknown" in record.message]) == 1


def test_a_server_that_is_full(site, client):
    """Without memory for another event the sender is asked to come back; known events are known all the same."""
    one = site()
    one.receive(delivery())
    client.config_set("maxmemory", "1")
    assert "OutOfMemoryError" in unavailable(one.receive(delivery("evt_2")))
    assert one.receive(delivery()).name == "duplicate"
    client.config_set("maxmemory", "0")
    assert one.receive(delivery("evt_2")).name == "processed"


def test_a_key_that_somebody_else_uses(site, client):
    """What is no event of ours is not overwritten."""
    client.set("licensechain:default:evt_1", "x")
    assert "WRONGTYPE" in unavailable(site().receive(delivery()))
    assert client.get("licensechain:default:evt_1") == "x"


def test_tls(valkey_server, site):
    """``rediss://`` encrypts, and believes no certificate that nobody vouches for."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    with Relay(valkey_server.port, tls) as relay:
        url = f"rediss://:{valkey_server.password}@localhost:{relay.port}/0"
        assert "certificate verify failed" in unavailable(site(url).receive(delivery()))
        assert relay.asked == 0
        assert site(f"{url}?ssl_ca_certs={CERTIFICATE}").receive(delivery()).name == "processed"


# Settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"lease": timedelta(0)},
        {"lease": timedelta(seconds=-1)},
        {"lease": timedelta(days=2), "retention": timedelta(days=1)},
    ],
)
def test_durations_that_cannot_work(wrong):
    """A lease takes time, and what is remembered outlasts it."""
    with pytest.raises(ConfigurationError, match="lease must be positive"):
        RedisDeduplicator("redis://localhost", **wrong)


@pytest.mark.parametrize(
    "url",
    [
        "http://:the-password@localhost",
        "localhost:6379",
        "",
        "redis://:the-password@localhost:port/0",
        "redis://localhost/0?socket_timeout=soon&password=the-password",
        "redis://localhost/0?no_such_option=the-password",
    ],
)
def test_addresses_that_are_none(url):
    """What is no address of a Redis is refused when it is given, and never shown."""
    with pytest.raises(ConfigurationError, match="no URL of a Redis") as caught:
        RedisDeduplicator(url)
    assert "the-password" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("patience", [None, 2.1, 0, 60])
def test_clients_that_wait_too_long(patience):
    """A client of one's own must give up before the sender does; so must what a URL asks for."""
    with pytest.raises(ConfigurationError, match="socket_timeout of 2 seconds at most"):
        RedisDeduplicator(redis.Redis(socket_timeout=patience))
    if patience:
        with pytest.raises(ConfigurationError, match="socket_timeout of 2 seconds at most"):
            RedisDeduplicator(f"redis://localhost?socket_timeout={patience}")


def test_clients_of_another_kind():
    """An asynchronous client is no use to threads."""
    with pytest.raises(ConfigurationError, match=r"a redis\.Redis or a redis\.RedisCluster, not redis\.asyncio"):
        RedisDeduplicator(redis.asyncio.Redis(socket_timeout=1))


def test_without_redis_py(monkeypatch):
    """The module says what to install."""
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "licensechain_hooks.dedupe.redis")
    with pytest.raises(ImportError, match=r"pip install 'licensechain-hooks\[redis\]'"):
        importlib.import_module("licensechain_hooks.dedupe.redis")


def test_what_receivers_ask_of_it():
    """It remembers for 35 days by default, and is not called on an event loop."""
    made = RedisDeduplicator("redis://localhost")
    assert (made.retention, made.in_process) == (timedelta(days=35), False)


def test_no_password_is_shown(valkey_server, caplog):
    """Neither by its repr, nor by an error, nor by what is logged of either."""
    password = secrets.token_hex(16)
    one = Site(f"redis://:{password}@127.0.0.1:{valkey_server.port}/0")
    said = unavailable(one.receive(delivery()))
    assert "AuthenticationError" in said
    valkey_server.stop()
    with pytest.raises(StoreUnavailableError) as caught:
        one.deduplicator.reserve("default", "evt_1", delivery().raw_body)
    shown = f"{said} {caught.value!r} {caught.value.__cause__!r} {one.deduplicator!r} {caplog.text}"
    assert [secret for secret in (password, KEY, SECRET) if secret in shown] == []
