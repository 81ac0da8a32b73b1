"""Every request of an official runs in one transaction, as that official (trust.md §2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.contrib.auth import logout
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from yikatong.desk.errors import no_permission, refused, said_no
from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import Refused
from yikatong.organisation.policy import ANYONE, DeskRequest, Policy
from yikatong.organisation.queries import actors_of
from yikatong.organisation.scoping import acting

Handler = Callable[[HttpRequest], HttpResponseBase]

CSP: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
SERVER_ERROR: Final = 500
POST_KEY: Final = "unit_no"


def content_security_policy(get_response: Handler) -> Handler:
    """No script, style or picture but our own files (screens.md §1)."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", CSP)
        return response

    return middleware


class ScopedRequest:
    """Resolves who asks, asks the view's policy, and opens the one transaction in their scope.

    The session and the account are read as `ykt_web` before; the session is saved after it.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: DeskRequest) -> HttpResponseBase:
        policy = _policy_of(request)
        if policy is None or policy == ANYONE:
            return self.get_response(request)
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        try:
            request.posts = actors_of(request.user.get_username(), via="web")
        except Refused:  # the post was ended while the session lived
            logout(request)
            return _to_sign_in(request)
        actor = _at_chosen_post(request)
        if actor.duty not in policy:
            return no_permission(request)
        with acting(actor):
            request.actor = actor
            response = self.get_response(request)
            if response.status_code >= SERVER_ERROR or getattr(request, "is_refused", False):
                transaction.set_rollback(True)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A no in words becomes a page, and nothing of the request stays; a bug goes on."""
        if not isinstance(error, (Refused, DatabaseError)):
            return None
        sentence = said_no(error)
        if sentence is None:
            return None
        request.is_refused = True  # type: ignore[attr-defined] # read above
        return refused(request, sentence, error)


def _policy_of(request: HttpRequest) -> Policy | None:
    """None for an address that leads nowhere; a view without a policy is a bug."""
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return None
    policy: Policy = view.policy  # type: ignore[attr-defined] # a test holds every view to it
    return policy


def _at_chosen_post(request: DeskRequest) -> Actor:
    """Who holds two posts sits at the one they chose, at first the first."""
    chosen = request.session.get(POST_KEY)
    return next((actor for actor in request.posts if actor.unit_no == chosen), request.posts[0])


def _to_sign_in(request: DeskRequest) -> HttpResponse:
    address = reverse("sign-in")
    if request.htmx:
        return HttpResponseClientRedirect(address)
    wanted = request.get_full_path() if request.method == "GET" else "/"
    return redirect(f"{address}?{urlencode({'next': wanted})}" if wanted != "/" else address)
