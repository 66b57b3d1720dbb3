"""The two clients in their own worlds: with blocks, tasks that end, threads, deadlines."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpcore2
import pytest

from licensechain_hooks.client import AsyncLicenseChainClient, LicenseChainClient, _async_network, _sync_network

KEY = "lc_key"
WEBHOOK = json.dumps({"id": "c1", "url": "https://a.example/hook", "events": ["license.revoked"]}).encode()


def test_a_with_block_closes(server, reply):
    """The synchronous client as a context manager."""
    server.replies = [reply(200, WEBHOOK)]
    with LicenseChainClient(KEY, base_url=server.base_url) as client:
        assert client.webhooks.get("c1").id == "c1"
    with pytest.raises(RuntimeError, match="closed"):
        client.webhooks.get("c1")


async def test_an_async_with_block_closes(server, reply):
    """The asynchronous client as a context manager."""
    server.replies = [reply(200, WEBHOOK)]
    async with AsyncLicenseChainClient(KEY, base_url=server.base_url) as client:
        assert (await client.webhooks.get("c1")).id == "c1"
    with pytest.raises(RuntimeError, match="closed"):
        await client.webhooks.get("c1")


async def test_a_cancelled_call_ends_at_once_and_harms_no_other(server, reply):
    """Its connection is closed; it is not made again."""
    arrived, gone = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hang(connection):
        loop.call_soon_threadsafe(arrived.set)
        connection.recv(1)
        gone.set()

    server.replies = [hang, reply(200, WEBHOOK)]
    async with AsyncLicenseChainClient(KEY, base_url=server.base_url) as client:
        hanging = asyncio.create_task(client.webhooks.get("c1"))
        await arrived.wait()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        assert (await client.webhooks.get("c1")).id == "c1"
    assert await asyncio.to_thread(gone.wait, 20)
    assert len(server.requests) == 2


async def test_a_call_that_hangs_holds_up_no_other(server, reply):
    """Each has a connection and a time of its own."""
    arrived, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hang(connection):
        loop.call_soon_threadsafe(arrived.set)
        release.wait(20)

    server.replies = [hang] + [reply(200, WEBHOOK)] * 9
    async with AsyncLicenseChainClient(KEY, base_url=server.base_url, timeout=timedelta(seconds=20)) as client:
        hanging = asyncio.create_task(client.webhooks.get("c1"))
        await arrived.wait()
        found = await asyncio.gather(*(client.webhooks.get("c1") for _ in range(8)))
        assert not hanging.done()
        release.set()
        assert {webhook.id for webhook in [*found, await hanging]} == {"c1"}
    assert len(server.requests) == 10


def test_threads_may_share_a_client(server, reply):
    """More calls at once than a pool has connections."""
    server.replies = [reply(200, WEBHOOK)] * 24
    with (
        LicenseChainClient(KEY, base_url=server.base_url) as client,
        ThreadPoolExecutor(max_workers=12) as threads,
    ):
        found = list(threads.map(client.webhooks.get, ["c1"] * 24))
    assert {webhook.id for webhook in found} == {"c1"}


def test_nothing_begins_after_the_deadline():
    """Not even a connection, in either network."""
    for network in (_sync_network, _async_network):
        passed = network.deadline.set(time.monotonic() - 1)
        with pytest.raises(httpcore2.ConnectTimeout):
            network._left(None, httpcore2.ConnectTimeout)
        network.deadline.reset(passed)
        ahead = network.deadline.set(time.monotonic() + 1000)
        assert 0 < network._left(None, httpcore2.ConnectTimeout) <= 1000
        assert network._left(5, httpcore2.ConnectTimeout) == 5
        network.deadline.reset(ahead)


def test_what_a_trace_is_given_can_be_asked(server, reply):
    """httpcore2 asks streams for what they stand on."""
    network = _sync_network.DeadlineBackend()
    begun = _sync_network.deadline.set(time.monotonic() + 20)
    host, _, port = server.address.partition(":")
    stream = network.connect_tcp(host, int(port))
    assert stream.get_extra_info("server_addr") == (host, int(port))
    stream.close()
    _sync_network.deadline.reset(begun)


async def test_what_a_trace_is_given_can_be_asked_asynchronously(server, reply):
    """In the other network too."""
    network = _async_network.AsyncDeadlineBackend()
    begun = _async_network.deadline.set(time.monotonic() + 20)
    host, _, port = server.address.partition(":")
    stream = await network.connect_tcp(host, int(port))
    assert stream.get_extra_info("server_addr") == (host, int(port))
    await stream.aclose()
    _async_network.deadline.reset(begun)
