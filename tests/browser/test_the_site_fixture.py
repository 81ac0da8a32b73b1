"""The site of the browser tests reads the module's own database, as the real login."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from playwright.sync_api import Page


def who(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user || ' ' || current_database()")
        return HttpResponse(cursor.fetchone()[0])


urlpatterns = [path("", who)]


@pytest.fixture(scope="module")
def only_us() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[], ALLOWED_HOSTS=["127.0.0.1"]):
        yield


@pytest.mark.browser
def test_the_site_serves_from_the_modules_database(
    only_us: None, site: str, committing: str, page: Page
) -> None:
    page.goto(site)
    assert page.text_content("body") == f"ykt_web {committing}"
