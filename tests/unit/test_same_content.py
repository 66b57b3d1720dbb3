"""Whether two bodies tell the same fact: type and data decide, as the JSON they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensechain_hooks.events import same_content

BODY = {"id": "evt_1", "type": "license.revoked", "data": {"id": "lic_1", "n": 1}, "timestamp": "2026-03-01T11:59:30Z"}


def dump(fields: dict, **layout) -> bytes:
    return json.dumps(fields, **layout).encode()


@pytest.mark.parametrize(
    "changed", [{"timestamp": "2026-03-02T00:00:00Z"}, {"signature": "x"}, {"id": "evt_2"}, {"region": "eu"}]
)
def test_the_rest_of_the_envelope_does_not_matter(changed):
    """Row 33: another timestamp or signature is the same fact, delivered again."""
    assert same_content(dump(BODY), dump({**BODY, **changed}))


def test_layout_does_not_matter():
    """Row 33: the order of keys, white space and escapes are no content."""
    turned = {name: BODY[name] for name in reversed(BODY)}
    turned["data"] = {"n": 1, "id": "lic_1"}
    assert same_content(dump(BODY), dump(turned, indent=2))
    assert same_content(dump(BODY), dump(BODY).replace(b"lic_1", rb"\u006cic_1"))


@pytest.mark.parametrize(
    "data", [{"id": "lic_1"}, {"id": "lic_2", "n": 1}, {"id": "lic_1", "n": 2}, {"id": "lic_1", "n": [1]}]
)
def test_other_data(data):
    """Row 32: any difference in data is another fact."""
    assert not same_content(dump(BODY), dump({**BODY, "data": data}))


@pytest.mark.parametrize("other", [1.0, True, "1", None, [1], {"1": 1}])
def test_values_that_python_calls_equal(other):
    """Row 28: 1, 1.0 and true are equal in Python; in JSON they are three values."""
    assert not same_content(dump(BODY), dump({**BODY, "data": {"id": "lic_1", "n": other}}))


def test_absent_is_not_null():
    """A field that is null is not a field that is missing."""
    without = {**BODY, "data": {"id": "lic_1"}}
    assert not same_content(dump(without), dump({**BODY, "data": {"id": "lic_1", "n": None}}))


def test_the_order_of_lists_matters():
    """A list is a sequence."""
    one, other = ({**BODY, "data": {"n": n}} for n in ([1, 2], [2, 1]))
    assert not same_content(dump(one), dump(other))


def test_other_types():
    """Row 32: the type is content."""
    assert not same_content(dump(BODY), dump({**BODY, "type": "license.expired"}))


@pytest.mark.parametrize(
    ("one", "other"), [("payment.completed", "payment.succeeded"), ("application.created", "app.created")]
)
def test_spellings_of_a_type_are_equal(one, other):
    """One fact sent under both names is one fact; so is ``event`` for ``type``."""
    assert same_content(dump({**BODY, "type": one}), dump({**BODY, "type": other}))
    renamed = {"event": other, **{name: value for name, value in BODY.items() if name != "type"}}
    assert same_content(dump({**BODY, "type": one}), dump(renamed))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(one=values, other=values)
def test_equal_content_is_equal_json(one, other):
    """Two bodies are the same fact exactly when their data is the same JSON value."""
    bodies = [dump({**BODY, "data": {"value": value}}) for value in (one, other)]
    same_text = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert same_text is same_content(*bodies)
