"""nginx itself, with the configuration of contrib/deploy, before a receiver: signatures verify, sizes and times hold."""

import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from adapters_served import MAX_BODY, Pair, require, running

from licensechain_hooks.testing._delivery import read_answer
from licensechain_hooks.testing.conformance import CATALOGUE, Answer, Case, RawDelivery
from licensechain_hooks.testing.server_conformance import Served

SUPPORT = Path(__file__).resolve().parents[1] / "support"
CONFIGURATION = Path(__file__).resolve().parents[2] / "contrib" / "deploy" / "nginx" / "licensechain.conf"
CERTIFICATE = SUPPORT / "localhost.pem"  # with its key
PATIENCE = 60.0  # seconds for what has to happen, on a slow machine
MAIN = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/licensechain.conf;
}}
"""


@pytest.fixture(scope="module", params=["flask", "starlette"])
def behind(request, nginx, tmp_path_factory) -> Iterator[tuple[Served, tuple[str, int]]]:
    """A receiver, and the address of the nginx before it."""
    pair = Pair("gunicorn", "flask") if request.param == "flask" else Pair("uvicorn-httptools", "starlette")
    require(pair)
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "served").mkdir()
    with running(pair, folder / "served") as served, socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
        free.close()
        write_configuration(folder, address, served.address)
        with (folder / "log").open("wb") as log:
            command = [nginx, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for(lambda: process.poll() is not None or is_open(address))
            assert process.poll() is None, (folder / "log").read_text()
            wait_for(lambda: is_open(served.address))
            yield served, address
        finally:
            process.terminate()
            process.wait(PATIENCE)


def write_configuration(folder: Path, address: tuple[str, int], upstream: tuple[str, int]) -> None:
    """The configuration as it is, but for addresses, names and certificates."""
    text = CONFIGURATION.read_text()
    changes = {
        "listen 443 ssl;": f"listen {address[0]}:{address[1]} ssl;",
        "server_name shop.example;": "server_name localhost;",
        "server 127.0.0.1:8000;": f"server {upstream[0]}:{upstream[1]};",
        "/etc/ssl/certs/shop.example.pem": str(CERTIFICATE),
        "/etc/ssl/private/shop.example.key": str(CERTIFICATE),
    }
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / "licensechain.conf").write_text(text)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))


def is_open(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=PATIENCE).close()
    except OSError:
        return False
    return True


def wait_for(is_so) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def exchange(address: tuple[str, int], request: bytes) -> Answer | None:
    """Send raw bytes over TLS; the answer."""
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    with (
        socket.create_connection(address, timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            connection.sendall(request)
        return read_answer(connection)


@pytest.mark.parametrize("case", CATALOGUE, ids=str)
def test_every_request_gets_its_answer(case: Case, behind) -> None:
    """Behind nginx each request of the catalogue is answered as without it."""
    served, address = behind
    delivery = case.make(served.forge)
    answer = exchange(address, delivery.wire(served.path, "localhost"))
    assert answer is not None
    assert (answer.status, answer.outcome) == (case.status, "" if delivery.method == "HEAD" else case.outcome)


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size", [1, 20_000, MAX_BODY - 1000])
def test_bodies_arrive_as_they_were_signed(size, framing, behind) -> None:
    """Small and large bodies, chunked as well, some of which nginx keeps in a file meanwhile, verify and are handled."""
    served, address = behind
    event_id = f"evt-{size}-{framing}-{served.path.count('/')}"
    body = served.forge.body(id=event_id, note="\u00e9" * (size // 6)) + b"\r\n "
    delivery = replace(served.forge.delivery(body), framing=framing)
    answer = exchange(address, delivery.wire(served.path, "localhost"))
    assert answer is not None
    assert (answer.status, answer.outcome) == (200, "processed")
    assert served.runs().count(event_id) == 1


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_what_is_too_large_for_nginx(framing, behind) -> None:
    """Above client_max_body_size nginx answers 413 by itself, and the application is not troubled."""
    served, address = behind
    delivery = RawDelivery(body=b"x" * (1024 * 1024 + 1), framing=framing)
    answer = exchange(address, delivery.wire(served.path, "localhost"))
    assert answer is not None
    assert (answer.status, answer.outcome) == (413, "")


def test_a_connection_serves_on(behind) -> None:
    """Deliveries share a connection, refused ones among them."""
    served, address = behind
    deliveries = [served.forge.delivery(), served.forge.delivery(b"[]"), served.forge.delivery()]
    statuses = []
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    with (
        socket.create_connection(address, timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        for delivery in deliveries:
            connection.sendall(delivery.wire(served.path, "localhost").replace(b"Connection: close\r\n", b""))
            answer = read_answer(connection)
            statuses.append(None if answer is None else answer.status)
    assert statuses == [200, 400, 200]


def test_connections_to_the_application_are_new_ones() -> None:
    """A connection that the application closes while nginx sends a delivery over it would be a 502."""
    assert "keepalive" not in re.sub(r"#.*", "", CONFIGURATION.read_text())


def test_a_path_that_is_not_quite_the_webhook(behind) -> None:
    """Nothing redirects: a path that is not exactly the webhook's is the application's to answer, here with 404."""
    served, address = behind
    answer = exchange(address, served.forge.delivery().wire(f"{served.path}/x", "localhost"))
    assert answer is not None
    assert answer.status == 404


def test_probes_and_metrics_are_not_for_strangers() -> None:
    """What is behind /healthz and /metrics is refused to all but the machine itself."""
    text = CONFIGURATION.read_text()
    (block,) = re.findall(r"location ~ \^/\(healthz\|metrics\).+?\{(.+?)\}", text, re.DOTALL)
    rules = [line.strip() for line in block.strip().splitlines()]
    assert rules[:3] == ["allow 127.0.0.1;", "allow ::1;", "deny all;"]
