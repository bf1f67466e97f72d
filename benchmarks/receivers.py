"""The receivers that deliveries go to, each a process of its own, and what they counted."""

import contextlib
import http.client
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.place import Place, python_program, wait_until
from ens_project.embedded import free_port

_NGINX = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_timeout 600s;
    keepalive_requests 100000000;
    client_body_buffer_size 64k;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /status {{ stub_status; }}
        location / {{ default_type application/json; return 200 '{{"status":"ok"}}'; }}
    }}
}}
"""


@dataclass
class Receiver:
    """Where it listens. `requests()` is how many it has answered, ours for the count left out."""

    name: str
    port: int
    _own: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def ask(self, path: str, method: str = "GET") -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path)
            return connection.getresponse().read()

    def answers(self) -> bool:
        try:
            self.requests()
        except OSError:
            return False
        return True

    def requests(self) -> int:
        if self.name != "nginx":
            return int(json.loads(self.ask("/control/count"))["requests"])
        text = self.ask("/status").decode()
        self._own += 1
        counts = re.search(r"^\s*\d+\s+\d+\s+(\d+)\s*$", text, re.MULTILINE)
        assert counts, text
        return int(counts[1]) - self._own

    def control(self, what: str) -> Any:
        """An order to the bundled receiver: `count`, `times`, `reset`, `release`."""
        return json.loads(self.ask(f"/control/{what}"))


@contextlib.contextmanager
def fast_receiver(place: Place, *, may_be_nginx: bool = True) -> Iterator[Receiver]:
    """nginx when it is installed (with its counters), else the bundled one."""
    program = shutil.which("nginx") if may_be_nginx else None
    if program is None or not _has_counters(program):
        with bundled_receiver(place) as receiver:
            yield receiver
        return
    receiver = Receiver("nginx", free_port())
    directory = place.directory / "nginx"
    directory.mkdir(exist_ok=True)
    configuration = directory / "nginx.conf"
    configuration.write_text(_NGINX.format(directory=directory, port=receiver.port))
    argv = [program, "-p", str(directory), "-c", str(configuration), "-e", "stderr"]
    with place.process(argv, name="nginx"):
        wait_until(receiver.answers, "nginx answers", 10, 0.05)
        yield receiver


def _has_counters(program: str) -> bool:
    said = subprocess.run([program, "-V"], capture_output=True, check=False, text=True).stderr
    return "stub_status" in said


@contextlib.contextmanager
def bundled_receiver(place: Place) -> Iterator[Receiver]:
    receiver = Receiver("bundled receiver", free_port())
    argv = python_program("benchmarks.receiver", str(receiver.port))
    with place.process(argv, name="receiver"):
        wait_until(receiver.answers, "the receiver answers", 10, 0.05)
        yield receiver
