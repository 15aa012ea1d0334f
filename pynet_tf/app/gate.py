"""What the page's server answers, and to whom: everything else is refused.

Gradio's server can do much more than this page needs: it passes on other servers' files, records,
and serves what any visitor has uploaded. The gate lets through only what the page asks for, tells
visitors apart by a secret in their browser's cookie, and keeps other sites' pages out: they can
neither have the cookie sent (it is strict) nor give another name to this machine.
"""

import json
import re
import secrets
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

COOKIE = "pynet_tf_visitor"
_SECRET = re.compile(r"[\w-]{43}")
# Of everyone: the page, its code and its looks.
_OPEN = re.compile(r"/|/config|/theme\.css|/favicon\.ico|/robots\.txt|/(assets|static)/[^\\]*")
_GETS = re.compile(r"/gradio_api/(file=.+|heartbeat/\w+|queue/data|upload_progress|startup-events)")
_POSTS = re.compile(r"/gradio_api/(upload|queue/join|cancel|reset)")
_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    # The page's own code is all that runs, and it speaks to this server only.
    b"content-security-policy": (
        b"default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        b"style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
    ),
}

Scope, Receive, Send = dict, Callable[[], Awaitable[dict]], Callable[[dict], Awaitable[None]]


class Gate:
    """An ASGI application before another one.

    Args:
        inner: what answers; finds the visitor's secret as `scope["visitor"]`.
        hosts: names that this server may be called by, in small letters; None for any.
        is_own_tab: tells of a visitor's secret and the name of a tab whether they belong together.
    """

    def __init__(
        self,
        inner: Callable,
        hosts: frozenset[str] | None,
        is_own_tab: Callable[[str, str], bool],
    ):
        self._inner, self._hosts, self._is_own_tab = inner, hosts, is_own_tab

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        headers = dict(scope["headers"])
        if self._hosts is not None and _host(headers) not in self._hosts:
            await _refuse(send, 421, "This page is for the machine it runs on.")
            return
        path, reads = scope["path"], scope["method"] in ("GET", "HEAD")
        visitor, cookie, tab = _visitor(headers), None, _tab(scope)
        if reads and _OPEN.fullmatch(path):
            if visitor is None and path == "/":
                visitor = secrets.token_urlsafe(32)
                cookie = f"{COOKIE}={visitor}; HttpOnly; SameSite=Strict; Path=/".encode()
        elif not (_GETS if reads else _POSTS).fullmatch(path) or scope["method"] not in (
            *("GET", "HEAD", "POST"),
        ):
            await _refuse(send, 404, "There is nothing here.")
            return
        elif visitor is None or (tab is not None and not self._is_own_tab(visitor, tab)):
            await _refuse(send, 403, "Open the page anew.")
            return
        scope["visitor"] = visitor

        async def answer(message: dict) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS.items()]
                if cookie is not None:
                    message["headers"].append((b"set-cookie", cookie))
            await send(message)

        await self._inner(scope, receive, answer)


def _tab(scope: Scope) -> str | None:
    """Returns the tab that a request is for, None if it names none."""
    if scope["path"].startswith("/gradio_api/heartbeat/"):
        return scope["path"].rpartition("/")[2]
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return query.get("session_hash", [None])[0]


def _host(headers: dict[bytes, bytes]) -> str:
    host = headers.get(b"host", b"").decode("latin-1").lower()
    return re.sub(r":\d+$", "", host)


def _visitor(headers: dict[bytes, bytes]) -> str | None:
    try:
        cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return None
    value = cookies[COOKIE].value if COOKIE in cookies else ""
    return value if _SECRET.fullmatch(value) else None


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"detail": sentence}).encode()
    headers = [(b"content-type", b"application/json"), *_HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
