"""A shop in Flask whose inbox and whose seats share one database, reached by SQLAlchemy."""

from flask import Flask, Response, abort
from models import Base, License, engine
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.orm import Session
from webhooks import hooks

from licensechain_hooks.contrib.flask import LicenseChainHooks
from licensechain_hooks.contrib.prometheus import PrometheusMetrics
from licensechain_hooks.inbox.sql import SqlInbox


def create_app() -> Flask:
    """Make the application; the signing secret is in the environment."""
    app = Flask(__name__)
    app.config["LICENSECHAIN_INBOX"] = SqlInbox(engine)
    app.config["LICENSECHAIN_HEALTH_PATH"] = "/healthz"
    app.config["LICENSECHAIN_ORDERING_KEY"] = "license"  # events of one license one after the other
    LicenseChainHooks(hooks).init_app(app)
    metrics = PrometheusMetrics()
    metrics.watch(app.extensions["licensechain_hooks"])
    Base.metadata.create_all(engine)

    @app.get("/metrics")
    def show_metrics() -> Response:
        """What Prometheus asks for; not for strangers, so the proxy before the shop keeps it to itself."""
        return Response(generate_latest(metrics.scraped()), content_type=CONTENT_TYPE_LATEST)

    @app.get("/licenses/<license_id>/seats")
    def seats(license_id: str) -> dict[str, object]:
        """The seats of a license, for the shop's software."""
        with Session(engine) as session:
            found = session.get(License, license_id)
            if found is None:
                abort(404)
            return {
                "license": found.id,
                "status": found.status,
                "seats": [{"number": seat.number, "locked": seat.is_locked} for seat in found.seats],
            }

    return app


app = create_app()
