"""What is Flask's own: the extension, its settings and commands, and bodies that were read before."""

import logging
import secrets
from datetime import timedelta

import flask
import pytest

from licensechain_hooks import (
    ConfigurationError,
    Endpoint,
    Event,
    Hooks,
    MemoryDeduplicator,
    Receiver,
    WorkerSettings,
    default_hooks,
    on,
)
from licensechain_hooks.contrib.flask import LicenseChainHooks, webhook_blueprint
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.testing import event_body, make_event, sign_request

SECRET = "the-secret-of-the-flask-tests"
PATH = "/webhooks/licensechain"


@pytest.fixture
def hooks():
    """The handlers of a test."""
    return Hooks()


@pytest.fixture
def app():
    """A Flask app with the secret in its config."""
    flask_app = flask.Flask(__name__)
    flask_app.config.update(TESTING=True, LICENSECHAIN_WEBHOOK_SECRET=SECRET)
    return flask_app


def post(app, body, *, path=PATH, secret=SECRET, **options):
    return app.test_client().post(path, data=body, headers=sign_request(body, secret), **options)


def test_the_extension_receives(app, hooks):
    """`init_app` is all it takes."""
    seen = []
    hooks.on("license.revoked")(seen.append)
    LicenseChainHooks(hooks).init_app(app)
    event = make_event("license.revoked")
    response = post(app, event_body(event))
    assert (response.status_code, response.json, seen) == (200, {"status": "processed"}, [event])


def test_the_receiver_is_kept(app, hooks):
    """The extension's place is where Flask's extensions keep what is theirs."""
    LicenseChainHooks(hooks, app)
    assert isinstance(app.extensions["licensechain_hooks"], Receiver)
    assert app.extensions["licensechain_hooks"].hooks is hooks


def test_without_hooks_the_module_level_on_is_meant(app):
    """Reusable code registers with `on` and needs no object of the app's."""
    seen = []
    on("license.suspended")(seen.append)
    try:
        LicenseChainHooks().init_app(app)
        assert post(app, event_body(make_event("license.suspended"))).json == {"status": "processed"}
        assert len(seen) == 1
    finally:
        default_hooks._parts.clear()
        Hooks._generation += 1


@pytest.mark.parametrize(
    ("setting", "value", "attribute"),
    [
        ("LICENSECHAIN_PROFILE", "compat", "profile"),
        ("LICENSECHAIN_TOLERANCE", timedelta(seconds=60), "tolerance"),
        ("LICENSECHAIN_MAX_EVENT_AGE", None, "max_event_age"),
        ("LICENSECHAIN_MAX_BODY", 1000, "max_body"),
    ],
)
def test_settings(app, hooks, setting, value, attribute):
    """Each setting reaches the endpoint."""
    app.config[setting] = value
    LicenseChainHooks(hooks).init_app(app)
    assert getattr(app.extensions["licensechain_hooks"].endpoint, attribute) == value


def test_another_path(app, hooks):
    """LICENSECHAIN_PATH moves the endpoint."""
    app.config["LICENSECHAIN_PATH"] = "/elsewhere"
    LicenseChainHooks(hooks).init_app(app)
    assert post(app, event_body(make_event()), path="/elsewhere").status_code == 200
    assert post(app, event_body(make_event())).status_code == 404


@pytest.mark.parametrize(
    "secrets", ["new, old", ["new", "old"], lambda _request: ["new", "old"]], ids=["text", "list", "callable"]
)
def test_secrets_of_the_config(app, hooks, secrets):
    """A comma list, a list and a callable mean the same."""
    app.config["LICENSECHAIN_WEBHOOK_SECRET"] = secrets
    LicenseChainHooks(hooks).init_app(app)
    assert post(app, event_body(make_event()), secret="old").status_code == 200


def test_secrets_of_the_environment(app, hooks, monkeypatch):
    """Without a setting the environment holds the secret."""
    del app.config["LICENSECHAIN_WEBHOOK_SECRET"]
    monkeypatch.setenv("LICENSECHAIN_WEBHOOK_SECRET", "from-the-environment")
    LicenseChainHooks(hooks).init_app(app)
    assert post(app, event_body(make_event()), secret="from-the-environment").status_code == 200


def test_no_secret_refuses_to_start(app, hooks, monkeypatch):
    """An app without a secret fails when it is wired."""
    del app.config["LICENSECHAIN_WEBHOOK_SECRET"]
    monkeypatch.delenv("LICENSECHAIN_WEBHOOK_SECRET", raising=False)
    with pytest.raises(ConfigurationError, match="LICENSECHAIN_WEBHOOK_SECRET"):
        LicenseChainHooks(hooks).init_app(app)


def test_the_blueprint_below_a_prefix(app, hooks):
    """The bare blueprint goes wherever it is registered, with and without the last slash."""
    app.register_blueprint(webhook_blueprint(Receiver(Endpoint(secrets=[SECRET]), hooks)), url_prefix="/hooks")
    assert post(app, event_body(make_event()), path="/hooks/").status_code == 200
    assert post(app, event_body(make_event()), path="/hooks").status_code == 200


def test_a_body_that_was_kept(app, hooks):
    """`get_data()` before us keeps the bytes: they are used."""
    LicenseChainHooks(hooks).init_app(app)
    app.before_request(lambda: flask.request.get_data() and None)
    assert post(app, event_body(make_event())).status_code == 200


def test_a_body_that_was_parsed_as_a_form(app, hooks, caplog):
    """Row 42: a form parser before us leaves nothing to verify: a 500 whose log names the cause."""
    LicenseChainHooks(hooks).init_app(app)
    app.before_request(lambda: flask.request.form and None)
    body = event_body(make_event())
    headers = sign_request(body, SECRET) | {"Content-Type": "application/x-www-form-urlencoded"}
    response = app.test_client().post(PATH, data=body, headers=headers)
    assert (response.status_code, response.json) == (500, {"status": "failed"})
    assert "body_consumed" in caplog.text


def test_a_smaller_limit_of_flask_does_not_matter(app, hooks):
    """MAX_CONTENT_LENGTH is for forms: the endpoint has a limit of its own."""
    app.config["MAX_CONTENT_LENGTH"] = 10
    LicenseChainHooks(hooks).init_app(app)
    assert post(app, event_body(make_event())).status_code == 200


def test_a_handler_has_the_app_at_hand(app, hooks):
    """Sync handlers run in the request's context; so do async ones."""
    names = []

    @hooks.on("*")
    def handler(_event: Event):
        names.append(flask.current_app.name)

    @hooks.on("*")
    async def async_handler(_event: Event):
        names.append(flask.current_app.name)

    LicenseChainHooks(hooks).init_app(app)
    assert post(app, event_body(make_event())).json == {"status": "processed"}
    assert names == [app.name, app.name]


def test_the_command_lists_handlers(app, hooks):
    """`flask licensechain handlers` says where deliveries arrive and what listens."""

    @hooks.on("license.revoked", "payment.*")
    def lock_seat(event: Event):
        """Never run here."""

    LicenseChainHooks(hooks).init_app(app)
    result = app.test_cli_runner().invoke(args=["licensechain", "handlers"])
    assert result.exit_code == 0
    assert f"POST {PATH}  (profile guide)" in result.output
    assert "license.revoked, payment.*" in result.output
    assert "lock_seat" in result.output


def test_rejections_are_logged_once(app, hooks, caplog):
    """One line says why a delivery was refused; Flask adds none."""
    caplog.set_level(logging.INFO)
    LicenseChainHooks(hooks).init_app(app)
    assert post(app, event_body(make_event()), secret="wrong").status_code == 401
    assert [record.getMessage().split(" ")[0] for record in caplog.records] == ["delivery.rejected"]


def test_an_inbox_makes_it_durable(app, hooks, tmp_path):
    """With the URL of a database a delivery is stored and acknowledged, and a worker runs the handlers."""
    seen = []
    hooks.on("license.revoked")(seen.append)
    app.config["LICENSECHAIN_INBOX"] = f"sqlite:///{tmp_path / 'inbox.db'}"
    app.config["LICENSECHAIN_WORKER"] = WorkerSettings(embedded=False)
    LicenseChainHooks(hooks).init_app(app)
    receiver = app.extensions["licensechain_hooks"]
    event = make_event("license.revoked")
    answers = [post(app, event_body(event)).json for _ in range(2)]
    assert (answers, seen) == ([{"status": "accepted"}, {"status": "duplicate"}], [])
    assert (receiver.worker.drain(), seen) == (1, [event])
    receiver.inbox.close()


def test_an_inbox_of_the_environment(app, hooks, tmp_path, monkeypatch):
    """The database's password is better kept where the signing secret is."""
    monkeypatch.setenv("LICENSECHAIN_INBOX_URL", f"sqlite:///{tmp_path / 'inbox.db'}")
    LicenseChainHooks(hooks).init_app(app)
    assert str(tmp_path) in repr(app.extensions["licensechain_hooks"].inbox)


def test_an_inbox_may_be_an_object(app, hooks):
    """An application that has an engine hands over an inbox made of it."""
    inbox = app.config["LICENSECHAIN_INBOX"] = MemoryInbox()
    LicenseChainHooks(hooks).init_app(app)
    assert app.extensions["licensechain_hooks"].inbox is inbox


def test_durable_settings_need_an_inbox(app, hooks):
    """A setting that would have no effect is a mistake."""
    app.config["LICENSECHAIN_ORDERING_KEY"] = "license"
    with pytest.raises(ConfigurationError, match="inbox"):
        LicenseChainHooks(hooks).init_app(app)


@pytest.mark.parametrize("named_by", ["config", "environment"])
def test_processes_share_a_redis(app, hooks, valkey_url, monkeypatch, named_by):
    """A URL names the Redis that remembers which events ran, for every process with the same setting."""
    if named_by == "config":
        app.config["LICENSECHAIN_DEDUPLICATOR"] = valkey_url
    else:
        monkeypatch.setenv("LICENSECHAIN_DEDUPLICATOR_URL", valkey_url)
    other = flask.Flask("other")
    other.config.update(app.config)
    for each in (app, other):
        LicenseChainHooks(hooks).init_app(each)
    hooks.on("*")(print)
    body = event_body(make_event("license.revoked", event_id=f"evt_{secrets.token_hex(8)}"))
    assert [post(each, body).json["status"] for each in (app, other)] == ["processed", "duplicate"]
    for each in (app, other):
        each.extensions["licensechain_hooks"].deduplicator.close()


def test_a_deduplicator_of_one_s_own(app, hooks):
    """An object in the config is taken as it is, an empty one as well."""
    own = app.config["LICENSECHAIN_DEDUPLICATOR"] = MemoryDeduplicator()
    LicenseChainHooks(hooks).init_app(app)
    assert app.extensions["licensechain_hooks"].deduplicator is own


def test_a_deduplicator_beside_an_inbox(app, hooks):
    """The inbox remembers by itself, so this is a mistake."""
    app.config.update(LICENSECHAIN_DEDUPLICATOR="redis://localhost", LICENSECHAIN_INBOX=MemoryInbox())
    with pytest.raises(ConfigurationError, match="deduplicator has no meaning beside an inbox"):
        LicenseChainHooks(hooks).init_app(app)
