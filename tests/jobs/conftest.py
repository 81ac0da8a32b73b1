"""A worker in a database of its own, for tests of the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from django.db import connection

from tests import database
from tests.law.counties import plant

LogIn = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def worker(own_database: str, log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # the thread of a job closes what it opened, for the process goes on after the test
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    with database.connect("ykt_admin", own_database) as admin:
        plant(admin)
    with log_in("ykt_worker"):
        yield
