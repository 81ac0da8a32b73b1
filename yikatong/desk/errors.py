"""Refusals as pages: a sentence that a clerk can act on, never a traceback."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403.html", {"sentence": "页面已过期，请返回刷新后再试。"}, status=403)
