"""What ``on`` promises to type checkers is what it does."""

import ast
import inspect
from typing import get_args

import pytest

from licensechain_hooks import ALIASES, EVENT_CLASSES, Hooks, _typed_on, events
from licensechain_hooks.testing import make_event


def overloads() -> list[ast.FunctionDef]:
    """The overloads of ``TypedOn.__call__``, in order."""
    tree = ast.parse(inspect.getsource(_typed_on))
    (typed_on,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "TypedOn")
    return [node for node in typed_on.body if isinstance(node, ast.FunctionDef)]


def literal_overloads() -> dict[str, str]:
    """The event class's name by literal."""
    found = {}
    for function in overloads():
        annotation = function.args.posonlyargs[-1].annotation if function.args.posonlyargs else None
        if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Literal":
            names = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
            returned = ast.unparse(function.returns)
            assert returned.startswith("Register[events.")
            for name in names:
                assert name.value not in found, "each literal has one overload"
                found[name.value] = returned.removeprefix("Register[events.").removesuffix("]")
    return found


def test_every_spelling_has_its_overload():
    """Each known type in each spelling gives the class that its events have."""
    expected = {name: event_class.__name__ for name, event_class in EVENT_CLASSES.items()}
    expected |= {alias: expected[name] for alias, name in ALIASES.items()}
    assert expected == literal_overloads()


@pytest.mark.parametrize("spelling", sorted([*EVENT_CLASSES, *ALIASES]))
def test_the_promise_is_kept(spelling):
    """An event that reaches a handler of a literal is of the promised class."""
    event = make_event(spelling)
    hooks = Hooks()
    hooks.on(spelling)(print)
    assert len(hooks.handlers_for(event)) == 1
    assert type(event) is getattr(events, literal_overloads()[spelling])


def test_overloads_and_classes_are_in_one_order():
    """The lists can be compared by eye: canonical names in the order of `EVENT_CLASSES`."""
    assert [name for name in literal_overloads() if name not in ALIASES] == list(EVENT_CLASSES)


def test_each_overload_is_an_overload():
    """Every signature is decorated, takes the same options by name, and the open one comes last."""
    for function in overloads():
        assert [ast.unparse(decorator) for decorator in function.decorator_list] == ["overload"]
        assert ast.unparse(function.args.kwarg) == "options: Unpack[Options]"
    assert ast.unparse(overloads()[-1].args.vararg.annotation) == "str | type[events.Event]"
    assert [ast.unparse(function.returns) for function in overloads()[-3:]] == [
        "Register[_E]",
        "Register[_E | _E2]",
        "RegisterAny",
    ]


def test_the_options_are_those_that_are_taken():
    """What ``on`` takes by name is what type checkers let pass."""
    taken = inspect.signature(Hooks()._on).parameters.values()
    assert [option.name for option in taken if option.kind is option.KEYWORD_ONLY] == list(
        _typed_on.Options.__annotations__
    )


def test_the_union_of_known_events_is_complete():
    """`KnownEvent`, for people who match on it, has every class that a literal promises."""
    assert {event_class.__name__ for event_class in get_args(events.KnownEvent)} == set(literal_overloads().values())
