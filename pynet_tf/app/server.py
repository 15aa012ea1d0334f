"""Serves the page: Gradio's application behind the gate, with files of the visitor's alone."""

import contextlib
import os
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator
from pathlib import Path

from pynet_tf.app import examples, listening
from pynet_tf.app.gate import Gate
from pynet_tf.app.renderers import Renderers
from pynet_tf.app.visitors import Visitors

LARGEST_UPLOAD = 100 * 1024 * 1024
_TOO_LARGE = "The file is larger than 100 MB; make it smaller."


def serve(renderers: Renderers, listener: socket.socket, host: str, browser: bool) -> None:
    """Shows the page until the process is interrupted.

    Args:
        renderers: shared by all visitors.
        listener: bound.
        host: that was asked for.
        browser: whether to open one.
    """
    address = listening.address(listener, host)
    with Visitors() as visitors:
        application = _application(renderers, visitors, _names(host))
        import uvicorn

        class Server(uvicorn.Server):
            async def startup(self, sockets=None):
                await super().startup(sockets)
                print(address, flush=True)
                if browser:
                    threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()

        # Pages that are still open do not keep the server from ending.
        config = uvicorn.Config(
            application, log_level="warning", access_log=False, timeout_graceful_shutdown=1,
            server_header=False,
        )  # fmt: skip
        Server(config).run(sockets=[listener])


def _names(host: str) -> frozenset[str] | None:
    """Returns what browsers may call the server; None where other machines may come."""
    if host in ("127.0.0.1", "::1", "localhost"):
        return frozenset(("127.0.0.1", "[::1]", "localhost"))
    return None


def _application(renderers: Renderers, visitors: Visitors, names: frozenset[str] | None) -> Gate:
    # Gradio reads these when it is imported, and at every upload.
    os.environ["GRADIO_TEMP_DIR"] = str(visitors.root)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import fastapi
    import gradio
    from gradio import route_utils
    from starlette.formparsers import MultiPartException
    from starlette.requests import ClientDisconnect

    from pynet_tf.app import page

    shared = [example.photo.resolve() for example in examples.found()]
    outer = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @outer.post("/gradio_api/upload")
    async def upload(request: fastapi.Request):
        folder = visitors.new_upload(request.scope["visitor"])
        try:
            files, _, _ = await route_utils.upload_fn(request, folder, LARGEST_UPLOAD, None)
        except MultiPartException:
            with contextlib.suppress(ClientDisconnect):
                await _take_the_rest(request.stream())
            return fastapi.responses.PlainTextResponse(_TOO_LARGE, status_code=413)
        return files

    @outer.get("/gradio_api/upload_progress")
    def upload_progress():
        # Within a machine there is no progress to show; without an answer browsers ask again.
        return fastapi.Response('data: {"msg": "done"}\n\n', media_type="text/event-stream")

    @outer.api_route("/gradio_api/file={name:path}", methods=["GET", "HEAD"])
    def file(request: fastapi.Request, name: str):
        path = Path(os.path.realpath(name))
        if not (visitors.serves(request.scope["visitor"], path) or path in shared):
            raise fastapi.HTTPException(404)
        if not path.is_file():
            raise fastapi.HTTPException(404)
        return fastapi.responses.FileResponse(path, headers={"Cache-Control": "no-store"})

    # Static are, to Gradio, files that it does not copy.
    gradio.set_static_paths([visitors.root, *shared])
    gradio.mount_gradio_app(
        outer, page.blocks(renderers, visitors), "/", footer_links=[], run_history=False,
        max_file_size=LARGEST_UPLOAD, show_error=False, enable_monitoring=False, pwa=False,
        mcp_server=False, ssr_mode=False,
        theme=page.theme(), css=page.style(), head=page.head(),
    )  # fmt: skip
    return Gate(outer, names, visitors.is_own_tab)


async def _take_the_rest(stream: AsyncIterator[bytes]) -> None:
    """Reads on for as much as may be sent: who is cut off while sending sees no answer."""
    taken = 0
    async for part in stream:
        taken += len(part)
        if taken > LARGEST_UPLOAD:
            return
