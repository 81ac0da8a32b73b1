"""Jobs of funding: file, withdraw, ask. A timeout is never a failure; the same bytes go again."""

from __future__ import annotations

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from yikatong.funding import treasury
from yikatong.kernel.errors import TryAgain
from yikatong.organisation.machines import machine

LINE = RetryStrategy(max_attempts=60, wait=1, linear_wait=2, retry_exceptions={TryAgain})


@app.task(name="funding.file_request", queue="main", retry=LINE)
def file_request(request_id: int, county: str) -> None:
    treasury.file(request_id, actor=machine(county))


@app.task(name="funding.withdraw_request", queue="main", retry=LINE)
def withdraw_request(request_id: int, county: str) -> None:
    treasury.withdraw(request_id, actor=machine(county))
