"""A network between a client and a server on loopback that can fail."""

import contextlib
import socket
import ssl
import threading
from types import TracebackType
from typing import Self


class Proxy:
    """Passes bytes on to 127.0.0.1:`to`, and counts who connects.

    While `withholds` is set nothing that the server says comes through. With `tls` it speaks TLS to
    clients, and not to the server.
    """

    def __init__(self, to: int, *, tls: ssl.SSLContext | None = None) -> None:
        self._to = to
        self._tls = tls
        self.connections = 0
        self.withholds = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Whoever is connected is no more."""
        sockets, self._sockets = self._sockets, []
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                if self._tls is not None:
                    try:
                        client = self._tls.wrap_socket(client, server_side=True)
                    except OSError:
                        continue
                server = socket.create_connection(("127.0.0.1", self._to))
                self._sockets += [client, server]
                for pair in ((client, server, None), (server, client, self.withholds)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    @staticmethod
    def _pass_on(
        source: socket.socket, target: socket.socket, withholds: threading.Event | None
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if withholds is None or not withholds.is_set():
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)
