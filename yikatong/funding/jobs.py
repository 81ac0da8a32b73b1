"""Jobs of funding: file, withdraw, ask. A timeout is never a failure; the same bytes go again."""

from __future__ import annotations

from datetime import date

from procrastinate.contrib.django import app

from yikatong.funding import treasury
from yikatong.jobs.patience import LINE
from yikatong.organisation.machines import machine


@app.task(name="funding.file_request", queue="main", retry=LINE)
def file_request(request_id: int, county: str) -> None:
    treasury.file(request_id, actor=machine(county))


@app.task(name="funding.withdraw_request", queue="main", retry=LINE)
def withdraw_request(request_id: int, county: str) -> None:
    treasury.withdraw(request_id, actor=machine(county))


@app.task(name="funding.read_indicators", queue="main", retry=LINE)
def read_indicators(county: str, fiscal_year: str, programme_code: str) -> None:
    treasury.read_indicators(
        fiscal_year=fiscal_year, programme_code=programme_code, actor=machine(county)
    )


@app.task(name="funding.reconcile", queue="main", retry=LINE)
def reconcile(county: str, day: str) -> None:
    """B15 of one county up to a day; the same difference is set aside once."""
    treasury.reconcile_day(date.fromisoformat(day), actor=machine(county))


@app.task(name="funding.hear", queue="main", retry=LINE)
def hear(inbox_id: int, county: str) -> None:
    """One call of the budget system's, stored by the door."""
    treasury.hear(inbox_id, actor=machine(county))
