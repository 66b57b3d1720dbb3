"""Every deduplicator behaves alike."""

import secrets
from datetime import timedelta

import pytest
import redis

from licensechain_hooks import MemoryDeduplicator
from licensechain_hooks.dedupe.redis import RedisDeduplicator
from licensechain_hooks.testing.deduplicator_conformance import DeduplicatorConformance

MILLISECOND = timedelta(milliseconds=1)


class TestMemoryDeduplicator(DeduplicatorConformance):
    """In the memory of one process."""

    now = 1000.0

    def make_deduplicator(self, *, lease):
        return MemoryDeduplicator(lease=lease, clock=lambda: self.now)

    def pass_time(self, duration):
        self.now += duration.total_seconds()


class RedisConformance(DeduplicatorConformance):
    """In a Redis, under keys of one's own."""

    client: redis.Redis | redis.RedisCluster

    @pytest.fixture(autouse=True)
    def _keys(self, client):
        self.client, self.prefix = client, f"test-{secrets.token_hex(6)}:"
        yield
        for key in self.keys():
            client.delete(key)

    def keys(self):
        return list(self.client.scan_iter(match=f"{self.prefix}*", count=1000))

    def make_deduplicator(self, *, lease):
        return RedisDeduplicator(self.client, lease=lease, prefix=self.prefix)

    def open_again(self, deduplicator):
        return self.make_deduplicator(lease=deduplicator._lease * MILLISECOND)

    def pass_time(self, duration):
        """As if the server's clock were moved on: the ends of leases and of keys come nearer."""
        for key in self.keys():
            if self.client.hexists(key, "until"):
                self.client.hincrby(key, "until", -(duration // MILLISECOND))
            self.client.pexpire(key, self.client.pttl(key) - duration // MILLISECOND)


class TestRedisDeduplicator(RedisConformance):
    """By its address; each deduplicator has connections of its own."""

    @pytest.fixture
    def client(self, valkey_url):
        self.made = []
        with redis.Redis.from_url(valkey_url, decode_responses=True) as client:
            yield client
        for deduplicator in self.made:
            deduplicator.close()

    @pytest.fixture(autouse=True)
    def _url(self, valkey_url):
        self.url = valkey_url

    def make_deduplicator(self, *, lease):
        self.made.append(RedisDeduplicator(self.url, lease=lease, prefix=self.prefix))
        return self.made[-1]


class TestRedisDeduplicatorOfAClient(RedisConformance):
    """By a client that the application has anyway, whatever it makes of answers."""

    @pytest.fixture
    def client(self, valkey_url):
        with redis.Redis.from_url(valkey_url, decode_responses=True, socket_timeout=2) as client:
            yield client


class TestRedisDeduplicatorInACluster(RedisConformance):
    """In a cluster, where a script may only touch what it names."""

    @pytest.fixture
    def client(self, valkey_cluster):
        port, password = valkey_cluster.port, valkey_cluster.password
        with redis.RedisCluster(host="127.0.0.1", port=port, password=password, socket_timeout=2) as client:
            yield client
