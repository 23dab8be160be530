"""Second Look for a server: `streamlit run serve.py` is app.py with /readyz, and one answer to every error.

Streamlit's own /_stcore/health knows nothing of store, disk and networks, and its /_stcore/metrics tells too
much; app.py alone is enough for oneself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.ui import readiness, resources

HIDDEN = "/_stcore/metrics"


class Hide:
    """Answers 404 for what tells strangers about the server: names of cached functions, sizes, sessions."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As every ASGI application."""
        if scope["type"] == "http" and str(scope["path"]).rstrip("/").endswith(HIDDEN):
            await JSONResponse({"detail": "not found"}, status_code=404)(scope, receive, send)
            return
        await self.app(scope, receive, send)


async def ready(_: Request) -> JSONResponse:
    """200 where everything works, else 503; what was looked at either way."""
    found = await run_in_threadpool(readiness.checks)
    good = all(each.ok for each in found.values())
    record = {"ready": good, "checks": {name: each.model_dump() for name, each in found.items()}}
    return JSONResponse(record, status_code=200 if good else 503)


@asynccontextmanager
async def warm(_: st.App) -> AsyncIterator[None]:
    """Open store and networks before the first visitor comes."""
    await run_in_threadpool(resources.warm_up)
    yield


app = st.App(
    "app.py", lifespan=warm, routes=[Route("/readyz", ready)], middleware=[Middleware(Hide)],
    on_script_error=readiness.caught,
)  # fmt: skip
