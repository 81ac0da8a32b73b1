"""Refusals as pages: a sentence that a clerk can act on, never a traceback."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import urlsplit

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from yikatong.kernel.errors import IllegalStep, Refused

# what our own triggers raise, always with a Chinese sentence (the law folder)
RESTRICT_VIOLATION: Final = "23001"
CONFLICT: Final = 409
UNPROCESSABLE: Final = 422


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403.html", {"sentence": "页面已过期，请返回刷新后再试。"}, status=403)


def no_permission(request: HttpRequest) -> HttpResponse:
    return render(request, "403.html", status=403)


def said_no(error: Exception) -> str | None:
    """The sentence of a refusal, ours or the database's own; None for what is a bug."""
    if isinstance(error, Refused):
        return str(error)
    cause = error.__cause__
    if isinstance(error, DatabaseError) and getattr(cause, "sqlstate", "") == RESTRICT_VIOLATION:
        sentence: str = cause.diag.message_primary  # type: ignore[union-attr] # psycopg's, by sqlstate
        return f"{sentence}。"
    return None


def status_of(error: Exception) -> int:
    """409 for what someone else has moved meanwhile, 422 for what the words themselves forbid."""
    is_conflict = isinstance(error, (IllegalStep, DatabaseError))
    return CONFLICT if is_conflict else UNPROCESSABLE


def refused(request: HttpRequest, sentence: str, error: Exception) -> HttpResponse:
    """The page of a refusal; beside it the sentence as a toast, for a request of htmx."""
    status = status_of(error)
    context = {"sentence": sentence, "back": _came_from(request)}
    response = render(request, "refused.html", context, status=status)
    response.headers["HX-Trigger"] = json.dumps({"toast": {"text": sentence, "tone": "error"}})
    return response


def _came_from(request: HttpRequest) -> str:
    """The page of ours on which the form was sent, where it can be put right; '' for none."""
    came = urlsplit(request.headers.get("Referer", ""))
    # //elsewhere/ as a path would be read as another host's address
    is_ours = came.netloc == request.get_host() and not came.path.startswith("//")
    is_ours = is_ours and came.path != request.path
    return f"{came.path}{'?' * bool(came.query)}{came.query}" if is_ours else ""
