import re
import threading
import time

from webhooks.object_id import new_object_id


def test_an_id_is_24_hex_digits_that_begin_with_its_time() -> None:
    before, made, after = int(time.time()), new_object_id(), int(time.time())
    assert re.fullmatch("[0-9a-f]{24}", made)
    assert before <= int(made[:8], 16) <= after


def test_ids_of_many_threads_differ() -> None:
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.extend(new_object_id() for _ in range(2000)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000
