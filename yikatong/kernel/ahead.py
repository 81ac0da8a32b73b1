"""One step ahead: the next item is made in a thread while the caller is busy with this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The items in their order; at most one of them waits. What making one raises is raised here.

    Worth its thread where the caller waits for another process, a database say: the items must
    not use the caller's connection.
    """
    steps = iter(items)
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(_step, steps)
        while (made := coming.result()) is not None:
            coming = thread.submit(_step, steps)
            yield made[0]


def _step(steps: Iterator[Item]) -> tuple[Item] | None:
    for item in steps:
        return (item,)
    return None
