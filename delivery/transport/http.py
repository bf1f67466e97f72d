"""The one door to receivers: what goes out over HTTP goes through here."""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import certifi
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, Timeout

from delivery.transport.guard import Guard
from delivery.transport.origin import Origin
from delivery.transport.pool import Pool
from delivery.transport.request import Destination, Request
from delivery.transport.response import Body, Head, read_head
from delivery.transport.result import Result, SendError
from delivery.transport.wire import InvalidResponseError, Wire, reach, send_error

BODY_TIMEOUT_S = 2.0  # after the headers, when the outcome is decided already


class Door:
    """Sends requests, guarded and within their deadlines, over kept connections.

    One for a process, used by all its threads. `ca_bundle` is a file or a directory of
    certificates, None certifi's bundle. `pool_size` bounds the connections kept
    for one origin, `max_kept` those of all. The environment's proxies, bundles and netrc have no
    influence; cookies are not kept; a redirect is a response as any other.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        ca_bundle: str | None = None,
        pool_size: int,
        max_kept: int = 1000,
        max_idle_s: float = 60.0,
    ) -> None:
        pool: Pool[Origin, Wire] = Pool(per_origin=pool_size, total=max_kept, idle_s=max_idle_s)
        self._adapter = _Adapter(guard, pool, tls_context(ca_bundle, "http/1.1"))

    def post(
        self, destination: Destination, request: Request, *, timeout_s: float | None = None
    ) -> Result:
        """Send what `build` made and tell how it went, whatever the receiver does.

        `timeout_s` bounds the time from the name's resolution to the end of the response's
        headers; None means the destination's. At most two more seconds go to the body. A kept
        connection that turns out to be closed is replaced once by a fresh one.
        """
        return self.send(request, destination.timeout_s if timeout_s is None else timeout_s)

    def send(self, request: Request, limit_s: float) -> Result:
        """As `post`, of a request that was made elsewhere."""
        started = time.monotonic()
        try:
            reply = cast("_Reply", self._adapter.send(request, timeout=limit_s).raw)
        except SendError as failure:
            return Result(
                status=None,
                error=failure.error,
                detail=failure.detail,
                headers=(),
                body="",
                body_truncated=False,
                address=failure.address,
                duration_ms=(time.monotonic() - started) * 1000,
            )
        body, is_truncated = reply.body.text()
        return Result(
            status=reply.head.status,
            error=None,
            detail="",
            headers=reply.head.headers,
            body=body,
            body_truncated=is_truncated,
            address=reply.address,
            duration_ms=(reply.headers_at - started) * 1000,
        )

    def close_idle(self) -> None:
        """Close the connections that were kept for too long."""
        self._adapter.pool.drop_expired()

    def close(self) -> None:
        """Close the kept connections; those in use end with their requests."""
        self._adapter.close()


def tls_context(ca_bundle: str | None, *protocols: str) -> ssl.SSLContext:
    """TLS 1.2 or later, verified. Raises OSError for a bundle that can not be read.

    `protocols` are those that ALPN offers, by their registered names; none: it is not used.
    Not `ssl.create_default_context`: that lets the environment ask for a log of the keys.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    bundle = ca_bundle or certifi.where()
    if Path(bundle).is_dir():
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(cafile=bundle)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


@dataclass(slots=True)
class _Reply:
    """A response read as far as it will be; `headers_at` is a reading of `time.monotonic`."""

    head: Head
    body: Body
    address: str
    headers_at: float


class _StaleError(Exception):
    """A kept connection had ended before the request came."""


class _Adapter(HTTPAdapter):
    """`requests`' way of sending, with its choice of connection and its view of responses ours.

    What it leaves out on purpose: proxies, cookies, redirects, retries, and the timeouts that
    bound single operations of a socket.
    """

    def __init__(self, guard: Guard, pool: Pool[Origin, Wire], tls: ssl.SSLContext) -> None:
        super().__init__()
        self.guard = guard
        self.pool = pool
        self.tls = tls

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> HTTPConnectionPool:
        """An object that has the one method of urllib3's pools that `send` calls."""
        return cast("HTTPConnectionPool", _Exchange(self, cast("Request", request).origin))

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Certificates are verified by the adapter's one TLS context."""

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        return request.path_url

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        response = Response()
        response.status_code = resp.head.status
        response.request = req
        response.raw = resp
        return response

    def close(self) -> None:
        super().close()
        self.pool.close()


class _Exchange:
    """One request to one origin, and its response."""

    __slots__ = ("_adapter", "_origin")

    def __init__(self, adapter: _Adapter, origin: Origin) -> None:
        self._adapter = adapter
        self._origin = origin

    def urlopen(
        self,
        *,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        timeout: Timeout,
        **_urllib3s_own: object,
    ) -> _Reply:
        """Send and read; `url` is path and query. Raises SendError."""
        deadline = time.monotonic() + cast("float", timeout.connect_timeout)
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        data = f"{method} {url} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body
        kept = self._adapter.pool.take(self._origin)
        if kept is not None:
            try:
                return self._send(kept, data, deadline)
            except _StaleError:
                pass
        return self._send(self._connect(deadline), data, deadline)

    def _connect(self, deadline: float) -> Wire:
        return reach(self._origin, self._adapter.guard, self._adapter.tls, deadline)

    def _send(self, wire: Wire, data: bytes, deadline: float) -> _Reply:
        try:
            is_sent = wire.send(data, deadline)
            head = read_head(wire, deadline)
            if head.status == HTTPStatus.REQUEST_TIMEOUT and wire.idle_since is not None:
                # Said to the idle connection, not to this request: RFC 9110, section 15.5.9.
                raise _StaleError
            headers_at = time.monotonic()
            body = Body(wire, head, headers_at + BODY_TIMEOUT_S)
        except (OSError, InvalidResponseError) as error:
            wire.close()
            is_kept = wire.idle_since is not None
            if is_kept and not wire.is_answered and not isinstance(error, TimeoutError):
                raise _StaleError from error
            raise send_error(error, "waiting for the response", wire.address) from error
        except BaseException:
            wire.close()
            raise
        if is_sent and head.keeps_alive and body.is_complete and not wire.buffer:
            self._adapter.pool.give(self._origin, wire)
        else:
            wire.close()
        return _Reply(head, body, wire.address, headers_at)
