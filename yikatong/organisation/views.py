"""Sign-in and sign-out: outside any scope, the only pages that touch accounts and sessions."""

from __future__ import annotations

from typing import Final

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from yikatong.audit.actions import record
from yikatong.kernel.errors import Refused
from yikatong.organisation import throttle
from yikatong.organisation.forms import SignInForm
from yikatong.organisation.policy import ANYONE, policy
from yikatong.organisation.queries import actor_of
from yikatong.organisation.scoping import acting

# one sentence for a name that nobody bears, a wrong password, and a post that has ended
NOT_LET_IN: Final = "账号或密码不对，请核对后再试。连续 5 次不对将锁定 30 分钟。"
LOCKED: Final = "尝试次数过多，已暂停登录。请 30 分钟后再试，或联系本级安全管理员。"
UNPROCESSABLE: Final = 422
TOO_MANY: Final = 429


@policy(ANYONE)
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """登录. The attempt is counted before the password is looked at."""
    form = SignInForm(request.POST or None)
    wanted = _own_address(request, request.POST.get("next", request.GET.get("next", "")))
    status = 200
    if request.method == "POST":
        if form.is_valid():
            status, sentence = _try(request, **form.cleaned_data)
            if not sentence:
                return redirect(wanted or "/")
            form.add_error(None, sentence)
        else:
            status = UNPROCESSABLE
    return render(request, "sign_in.html", {"form": form, "next": wanted}, status=status)


@policy(ANYONE)
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    name = request.user.get_username()
    logout(request)
    if name:
        _record(name, "session.sign_out", "done")
    return redirect("sign-in")


def _try(request: HttpRequest, *, username: str, password: str) -> tuple[int, str]:
    """(status, why not); '' once the session is opened."""
    if not throttle.admits(username, request.META.get("REMOTE_ADDR", "")):
        return TOO_MANY, LOCKED
    # what is tried while locked is not recorded: a flood of guesses must not hold the chain
    user = authenticate(request, username=username, password=password)
    if user is None:
        _record(username, "session.sign_in", "refused", note="密码不符")
        return UNPROCESSABLE, NOT_LET_IN
    if not _record(username, "session.sign_in", "done"):
        return UNPROCESSABLE, NOT_LET_IN
    throttle.forget(username)
    login(request, user)
    return 200, ""


def _record(username: str, action: str, result: str, *, note: str = "") -> bool:
    """留痕 in the county of that name's post; False where nobody of that name has one."""
    try:
        actor = actor_of(username, via="web")
    except Refused:
        return False
    with acting(actor):
        record(actor=actor, action=action, result=result, note=note)
    return True


def _own_address(request: HttpRequest, address: str) -> str:
    """Only an address of this very site is gone to after signing in."""
    is_ours = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else ""
