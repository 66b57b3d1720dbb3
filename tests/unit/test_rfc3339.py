"""Times in bodies: strict RFC 3339 with an offset, and nothing else."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensechain_hooks._rfc3339 import from_matching, parse_rfc3339

offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01t12:00:00z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01 12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T13:00:00+01:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T06:30:00-05:30", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00-00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00.5Z", datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-01T12:00:00.123456789Z", datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-03-01T12:00:00.9999999999999Z", datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2016-12-31t23:59:60.25z", datetime(2016, 12, 31, 23, 59, 59, 250_000, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_what_is_taken(text, expected):
    """Row 13: any offset, any number of digits, ``:60`` as the second before it."""
    moment = parse_rfc3339(text)
    assert expected == moment
    assert moment.utcoffset() is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-01",
        "2026-03-01T12:00:00",
        "2026-03-01T12:00Z",
        "2026-03-01T12Z",
        "20260301T120000Z",
        "2026-060T12:00:00Z",
        "2026-W09-7T12:00:00Z",
        "1772366400",
        "2026-03-01T12:00:00,5Z",
        "2026-03-01T12:00:00.Z",
        "2026-03-01T12:00:00+01",
        "2026-03-01T12:00:00+0100",
        "2026-03-01T12:00:00+01:00:30",
        "2026-03-01T12:00:00Z ",
        "2026-03-01T12:00:00Z\n",
        " 2026-03-01T12:00:00Z",
        "2026-03-01_12:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T24:00:01Z",
        "2026-03-01T12:00:00+00:60",
        "2026-03-01T12:00:00-01:99",
        "2026-03-01T12:60:00Z",
        "2026-03-01T12:00:61Z",
        "2026-03-01T12:00:00+24:00",
        "+2026-03-01T12:00:00Z",
        "\u0662026-03-01T12:00:00Z",
    ],
)
def test_what_is_refused(text):
    """Row 13: naive times, dates, numbers, the rest of ISO 8601 and days that do not exist."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is Python's own for days that do not exist
        parse_rfc3339(text)
    assert type(caught.value) is ValueError


@given(moment=st.datetimes(timezones=offsets))
def test_every_time_comes_back(moment):
    """What ``isoformat`` writes with an offset of whole minutes is read as the same moment."""
    assert moment == parse_rfc3339(moment.isoformat())
    assert moment == parse_rfc3339(moment.isoformat().replace("T", "t").replace("+00:00", "z"))


@given(text=st.text(max_size=40) | st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z"))
def test_reading_is_total(text):
    """Any text is an aware time or a ValueError."""
    try:
        moment = parse_rfc3339(text)
    except ValueError:
        return
    assert moment.tzinfo is not None
    assert moment == from_matching(text)
    assert isinstance(moment.timestamp(), float)
