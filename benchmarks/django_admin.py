"""Pages of Django's admin over a PostgreSQL inbox with many entries: ``python -m benchmarks.django_admin``.

Beside each page that of a plain ``ModelAdmin`` with the same columns, filters and dates; and what PostgreSQL did for
ours: how many queries there were, and which of them went through much of the table.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from benchmarks.inbox._databases import PostgresServer

_PAGES = {
    "the list, with its chart": "",
    "page 2": "?p=2",
    "page 90": "?p=90",
    "state dead": "?state=dead",
    "state processing, of which there are none": "?state=processing",
    "state ignored": "?state=ignored",
    "state processed": "?state=processed",
    "a common type": "?event_type=license.updated",
    "a rare type": "?event_type=system.update",
    "an endpoint": "?endpoint=us",
    "a day": "?received_at__year={day.year}&received_at__month={day.month}&received_at__day={day.day}",
    "a rare type on a day": "?received_at__year={day.year}&received_at__month={day.month}&received_at__day={day.day}"
    "&event_type=system.update",
    "search: an event id": "?q=evt_777",
    "search: a license": "?q=lic_77",
    "search: nothing": "?q=evt_none",
    "search: a family of types": "?q=system.*",
}
_STOCK = {"state=": "state__exact=", "event_type=": "event_type__exact=", "endpoint=": "endpoint__exact="}
_FILL = """
INSERT INTO licensechain_hooks_entry (endpoint, event_id, variant, event_type, event_timestamp, received_at, state,
    attempts, next_attempt_at, license_id, headers, raw_body, error_code, error, done_at)
SELECT CASE WHEN n %% 50 = 0 THEN 'us' ELSE 'eu' END, 'evt_' || n, '', (ARRAY['license.updated', 'license.updated',
    'license.created', 'license.validated', 'payment.completed', 'user.login'])[1 + n %% 6], moment, moment,
    state, 1, CASE WHEN state IN ('failed', 'received') THEN now() END, 'lic_' || (n %% 50000), '{}',
    convert_to(repeat(md5(n::text), 10), 'UTF8'), '', '', moment
FROM (SELECT n, now() - interval '34 days' * (1 - n::float / %(entries)s) AS moment, CASE WHEN n %% 500 = 0 THEN 'dead'
    WHEN n %% 700 = 0 THEN 'failed' WHEN n %% 900 = 0 THEN 'conflict' WHEN n %% 100 = 1 THEN 'ignored'
    WHEN n > %(entries)s - 50 THEN 'received' ELSE 'processed' END AS state
    FROM generate_series(1, %(entries)s) AS n) AS made
"""
_RARE = "UPDATE licensechain_hooks_entry SET event_type = 'system.update' WHERE id % 100000 = 7"


def main(arguments: list[str] | None = None) -> int:
    """Fill a database, get the pages, print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.django_admin", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5, help="how often each page is fetched; the median counts")
    options = parser.parse_args(arguments)
    with PostgresServer() as server:
        _set_up(server)
        _fill(options.entries)
        for line in _table(options.rounds):
            print(line, flush=True)
    return 0


def _set_up(server: Any) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    url = urlsplit(server.dsn)
    builtin = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")
    processors = ("django.template.context_processors.request", "django.contrib.auth.context_processors.auth")
    middleware = ("sessions.middleware.Session", "auth.middleware.Authentication", "messages.middleware.Message")
    settings.configure(
        SECRET_KEY="benchmark" * 5,
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF="benchmarks.django_admin_urls",
        STATIC_URL="static/",
        INSTALLED_APPS=[*(f"django.contrib.{name}" for name in builtin), "licensechain_hooks.contrib.django"],
        MIDDLEWARE=[f"django.contrib.{name}Middleware" for name in middleware],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": [*processors, "django.contrib.messages.context_processors.messages"]},
            }
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": url.path.strip("/"),
                "USER": url.username,
                "PASSWORD": url.password,
                "HOST": url.hostname,
                "PORT": url.port,
            }
        },
        LICENSECHAIN_HOOKS={"SECRETS": ["0123456789abcdef0123456789abcdef"], "PROCESSING": "worker"},
    )
    django.setup()
    call_command("migrate", verbosity=0)


def _fill(entries: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(_FILL, {"entries": entries})
        cursor.execute(_RARE)
        cursor.execute("VACUUM ANALYZE")


def _table(rounds: int) -> Iterator[str]:
    from django.contrib.auth import get_user_model
    from django.test import Client

    from licensechain_hooks.contrib.django.models import Entry

    client = Client()
    users: Any = get_user_model().objects
    client.force_login(users.create_superuser("ada"))
    count = Entry.objects.count()
    day = Entry.objects.order_by("pk")[count // 2].received_at
    yield f"{count:,} entries"
    yield f"{'page':<45}{'ours':>10}{'plain':>12}{'queries':>9}{'slowest':>10}  whole table read by"
    for name, query in _PAGES.items():
        ours = "/admin/licensechain_hooks/entry/" + query.format(day=day)
        plain = "/plain/licensechain_hooks/entry/" + query.format(day=day)
        for old, new in _STOCK.items():
            plain = plain.replace(old, new)
        queries, slowest, scans = _explained(client, ours)
        times = f"{_milliseconds(client, ours, rounds):>7.0f} ms{_milliseconds(client, plain, rounds):>9.0f} ms"
        yield f"{name:<45}{times}{queries:>9}{slowest:>7.0f} ms  {scans or '-'}"


def _milliseconds(client: Any, url: str, rounds: int) -> float:
    taken = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        status = client.get(url).status_code
        taken.append((time.perf_counter() - started) * 1000)
        if status != 200:
            msg = f"{url} is answered {status}"
            raise RuntimeError(msg)
    return statistics.median(taken[1:])


def _explained(client: Any, url: str) -> tuple[int, float, str]:
    """How many queries a page takes, how long the slowest of them, and which read the whole table."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        client.get(url)
    slowest, scans = 0.0, []
    for query in captured.captured_queries:
        sql = query["sql"]
        if not sql.startswith(("SELECT", "WITH")) or "licensechain_hooks_entry" not in sql:
            continue
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql)
            ((told,),) = cursor.fetchall()
        plan = told[0] if isinstance(told, list) else json.loads(told)[0]
        slowest = max(slowest, plan["Execution Time"])
        scans += ["COUNT" if "COUNT" in sql else sql[:30] for node in _nodes(plan["Plan"]) if _is_whole(node)]
    return len(captured), slowest, ", ".join(scans)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _is_whole(node: dict[str, Any]) -> bool:
    """Whether it went through much of the table: rows that it looked at and left out count."""
    looked_at = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return node.get("Relation Name") == "licensechain_hooks_entry" and looked_at > 200_000


if __name__ == "__main__":
    sys.exit(main())
