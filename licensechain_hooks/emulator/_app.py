"""The application: everything above put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from licensechain_hooks.emulator._api import api_router
from licensechain_hooks.emulator._control import control_router
from licensechain_hooks.emulator._deliverer import Deliverer
from licensechain_hooks.emulator._documents import add_documents
from licensechain_hooks.emulator._emulation import Emulation
from licensechain_hooks.emulator._errors import add_error_handlers
from licensechain_hooks.emulator._gate import Gate
from licensechain_hooks.emulator._page import router as page_router
from licensechain_hooks.emulator._settings import EmulatorSettings

__all__ = ["create_app"]


def create_app(settings: EmulatorSettings) -> FastAPI:
    """A local LicenseChain as an ASGI application; its lifespan opens the state and delivers what is due.

    It tells the time itself (a fault can make it wrong), so a server is best told not to: uvicorn's ``date_header``.

    Args:
        settings: of the emulator.
    """
    emulation = Emulation(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        emulation.open()
        deliverer = asyncio.create_task(Deliverer(emulation).run())
        try:
            yield
        finally:
            deliverer.cancel()
            with suppress(asyncio.CancelledError):
                await deliverer
            emulation.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.emulation = emulation
    app.include_router(api_router(emulation))
    app.include_router(control_router(emulation))
    app.include_router(page_router)
    add_error_handlers(app, emulation)
    add_documents(app)
    app.add_middleware(Gate, emulation=emulation)
    return app
