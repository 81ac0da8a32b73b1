"""Parse, call, render."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from yikatong.api.banks import hear
from yikatong.organisation.policy import ANYONE, policy


@policy(ANYONE)
@csrf_exempt
@require_POST
def bank_call(request: HttpRequest, door: str) -> JsonResponse:
    """POST /api/bank/v1/{door}: the bank proves itself by its signature, not by signing in."""
    heard = hear(door, request.path, request.headers, request.body)
    return JsonResponse(heard.content, status=heard.status)
