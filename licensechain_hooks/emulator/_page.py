"""The emulator's page: webhooks, licenses and live deliveries in a browser, with nothing from elsewhere."""

from pathlib import Path
from types import MappingProxyType

try:
    from fastapi import APIRouter, HTTPException, Request
    from fastapi.responses import FileResponse, HTMLResponse
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
except ImportError as exc:
    msg = "the emulator needs FastAPI and Jinja: pip install 'licensechain-hooks[emulator]'"
    raise ImportError(msg) from exc

from licensechain_hooks.diagnosis.dialects import DIALECTS

__all__ = ["router"]

_HERE = Path(__file__).parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STATIC = MappingProxyType({"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"})
# Trusted types: not even the page's own script may make markup, or code, of text.
_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = MappingProxyType(
    {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
)

router = APIRouter(include_in_schema=False)


@router.get("/")
def page(request: Request) -> HTMLResponse:
    """The page; what it shows its script reads from ``/emulator``."""
    text = _TEMPLATES.get_template("page.html").render(base_url=f"{request.base_url}v1", dialects=list(DIALECTS))
    return HTMLResponse(text, headers=dict(_HEADERS))


@router.get("/static/{name}")
def static(name: str) -> FileResponse:
    """One of the page's files."""
    if name not in _STATIC:
        raise HTTPException(404)
    return FileResponse(_HERE / "static" / name, media_type=_STATIC[name], headers=dict(_HEADERS))
