"""The bound: processes that do nothing but `HTTPAdapter.send` over a kept connection."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from requests import Request
from requests.adapters import HTTPAdapter

from benchmarks import rows
from benchmarks.contenders import Contender
from benchmarks.place import BenchmarkError, Place, python_program
from benchmarks.receivers import Receiver

PROCESSES = 2
WARM_UP = 50


class Raw(Contender):
    name = "raw HTTPAdapter.send"
    share = 1.0

    @contextlib.contextmanager
    def ready(self, place: Place, receiver: Receiver) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            self.processes = [
                stack.enter_context(
                    place.process(
                        python_program("benchmarks.contenders.raw"),
                        name="raw",
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                    )
                )
                for _ in range(PROCESSES)
            ]
            self._everywhere([f"{receiver.url('/ok')} {WARM_UP}"] * PROCESSES)
            yield

    def deliver(self, urls: Sequence[str], count: int) -> float:
        each, rest = divmod(count, PROCESSES)
        orders = [f"{urls[0]} {each + (number < rest)}" for number in range(PROCESSES)]
        began = time.monotonic()
        self._everywhere(orders)
        return time.monotonic() - began

    def recorded(self) -> tuple[int, int] | None:
        return None

    def _everywhere(self, orders: Sequence[str]) -> None:
        for process, order in zip(self.processes, orders, strict=True):
            assert process.stdin is not None
            process.stdin.write(f"{order}\n".encode())
            process.stdin.flush()
        for process in self.processes:
            assert process.stdout is not None
            if process.stdout.readline() != b"done\n":
                raise BenchmarkError("A raw sender ended.")


def main() -> None:
    adapter = HTTPAdapter()
    body = rows.sample_text().encode()
    headers = {
        "User-Agent": "ENS/benchmark",
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "webhook-id": "0198f0c4b6a57c3e8d1f2a3b4c5d6e7f",
        "webhook-timestamp": "1790000000",
        "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    }
    for line in sys.stdin:
        url, count = line.split()
        prepared = Request("POST", url, data=body, headers=headers).prepare()
        for _ in range(int(count)):
            response = adapter.send(prepared, timeout=30)
            if response.status_code != 200 or not response.content:
                raise SystemExit(f"answered with {response.status_code}")
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
