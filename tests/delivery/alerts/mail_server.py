"""A mail server on loopback that takes, refuses, or breaks off."""

import email
import email.policy
import socketserver
import threading
from email.message import EmailMessage
from types import TracebackType

from ens_project.embedded import free_port


class MailServer:
    """Keeps what it took in `mails`. It refuses for good the addresses in `refused`, and breaks
    the connection after `breaks_after` mails; `port` stays the same when it is started again."""

    def __init__(self) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.receivers: list[str] = []
        self.refused: set[str] = set()
        self.breaks_after: int | None = None
        self._server: socketserver.ThreadingTCPServer | None = None

    def start(self) -> None:
        server = self

        class Handler(_Exchange):
            mail_server = server

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> "MailServer":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def addresses(self) -> list[str]:
        """To whom mails went, as their headers say."""
        return [str(mail["To"]) for mail in self.mails]


class _Exchange(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs: https://www.rfc-editor.org/rfc/rfc5321."""

    mail_server: MailServer

    def handle(self) -> None:
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            word, _, rest = line.partition(" ")
            if word.upper() == "RCPT" and self._address(rest) in self.mail_server.refused:
                self._say("550 no such mailbox")
            elif word.upper() == "RCPT":
                self.mail_server.receivers.append(self._address(rest))
                self._say("250 fine")
            elif word.upper() == "DATA":
                if not self._take():
                    return
            elif word.upper() == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _take(self) -> bool:
        server = self.mail_server
        if server.breaks_after is not None and len(server.mails) >= server.breaks_after:
            return False
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        mail = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        server.mails.append(mail)
        self._say("250 taken")
        return True

    def _address(self, text: str) -> str:
        return text.partition("<")[2].partition(">")[0]

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
