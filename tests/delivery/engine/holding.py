"""Holds slots in a process of its own and counts how many are held over all processes."""

import threading
from typing import Any

from delivery.engine.semaphore import Semaphore
from organizations.redis import Door


def hold_in_turns(url: str, webhook_id: int, limit: int, count: Any, highest: Any) -> None:
    """Four threads take 1 to 3 slots 150 times each; `highest` becomes the most held at once.

    `count` and `highest` are values shared by the processes.
    """
    semaphore = Semaphore(Door(url, timeout_s=5))

    def work() -> None:
        for turn in range(150):
            slots = semaphore.take(webhook_id, limit, 1 + turn % 3)
            with count.get_lock():
                count.value += len(slots)
                highest.value = max(highest.value, count.value)
            with count.get_lock():
                count.value -= len(slots)
            if slots:
                semaphore.release(webhook_id, slots)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    semaphore.stop()
