"""Parse, call, render."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from yikatong.api import banks, budget
from yikatong.organisation.policy import ANYONE, policy


@policy(ANYONE)
@csrf_exempt
@require_POST
def bank_call(request: HttpRequest, door: str) -> HttpResponse:
    """POST /api/bank/v1/{door}: both sides prove themselves by signatures; nobody signs in."""
    heard = banks.hear(door, request.path, request.headers, request.body)
    body = json.dumps(heard.content, ensure_ascii=False).encode()
    return HttpResponse(
        body,
        status=heard.status,
        content_type="application/json",
        headers=banks.proof(request.path, request.headers, body),
    )


@policy(ANYONE)
@csrf_exempt
@require_POST
def budget_call(request: HttpRequest, door: str) -> HttpResponse:
    """POST /api/budget/v1/{door}: signed by the registered budget system; nobody signs in."""
    heard = budget.hear(door, request.path, request.headers, request.body)
    body = json.dumps(heard.content, ensure_ascii=False).encode()
    return HttpResponse(
        body,
        status=heard.status,
        content_type="application/json",
        headers=budget.proof(request.path, body),
    )
