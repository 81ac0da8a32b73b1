"""The gallery and the pages without data, served alone: no database, our content security policy.

Run as `python -m tests.browser.gallery_site`; prints its port and serves until it is ended.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django import forms
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
LOADERS = (
    "django_cotton.cotton_loader.Loader",
    "django.template.loaders.app_directories.Loader",
)
OPTIONS: dict[str, Any] = {
    "context_processors": ["django.template.context_processors.request"],
    "loaders": [("django.template.loaders.cached.Loader", LOADERS)],
    "builtins": ["django_cotton.templatetags.cotton", "yikatong.desk.templatetags.ykt"],
}
PUBLIC_MENU = (
    {"label": "查询", "url": "#", "is_current": True},
    {"label": "政策清单", "url": "#"},
    {"label": "公示公告", "url": "#"},
)

PUBLIC_PAGE = """{% extends "public_shell.html" %}{% block content %}
<h1>2026 年 11 月公示</h1>
<p class="notice">公示期 7 天，到 11 月 27 日止。</p>
<section class="card"><h2>耕地地力保护补贴</h2><p class="amount">￥1,482,906.40</p>
<div class="scroll" tabindex="0" role="region" aria-label="明细"><table><caption>汉葭街道</caption>
<thead><tr><th scope="col">姓名</th><th scope="col" class="right">金额（元）</th></tr></thead>
<tbody><tr><td>冉*荣</td><td class="right">115.80</td></tr></tbody></table></div>
<p><a class="button" href="#">查本人补贴</a></p></section>{% endblock %}"""

urlpatterns: list[Any] = []


class SignIn(forms.Form):
    username = forms.CharField(label="用户名")
    password = forms.CharField(label="密码", widget=forms.PasswordInput)


def policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Content-Security-Policy"] = CSP
        return response

    return middleware


def configure() -> None:
    settings.configure(
        SECRET_KEY="only-for-tests",  # noqa: S106 - signs nothing that outlives this process
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        STATIC_URL="/static/",
        LANGUAGE_CODE="zh-hans",
        INSTALLED_APPS=[
            "django.contrib.staticfiles",
            "django_htmx",
            "django_cotton",
            "yikatong.desk",
        ],
        MIDDLEWARE=[f"{__name__}.policy", "django.middleware.csrf.CsrfViewMiddleware"],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": False,
                "OPTIONS": OPTIONS,
            }
        ],
    )
    django.setup()


def pages() -> list[Any]:
    from django.contrib.staticfiles.views import serve  # noqa: PLC0415 - needs the settings
    from django.shortcuts import render  # noqa: PLC0415 - as above
    from django.template import Engine, RequestContext  # noqa: PLC0415 - as above
    from django.urls import path  # noqa: PLC0415 - as above

    from yikatong.desk.gallery import SHELL, examples  # noqa: PLC0415 - as above

    def gallery(request: HttpRequest) -> HttpResponse:
        shell = {**SHELL, "size": request.GET.get("size", "normal")}
        return render(request, "gallery.html", {**examples(), "shell": shell})

    def sign_in(request: HttpRequest) -> HttpResponse:
        form = SignIn({} if "bad" in request.GET else None)
        return render(request, "sign_in.html", {"form": form, "shell": SHELL})

    def public(request: HttpRequest) -> HttpResponse:
        facts = {"menu": PUBLIC_MENU, "county_name": "彭水自治县"}
        page = Engine.get_default().from_string(PUBLIC_PAGE)
        return HttpResponse(page.render(RequestContext(request, facts)))

    def error(request: HttpRequest, code: int) -> HttpResponse:
        return render(request, f"{code}.html", status=code)

    def static(request: HttpRequest, name: str) -> HttpResponse:
        return serve(request, name, insecure=True)  # type: ignore[return-value]

    return [
        path("", gallery),
        path("sign-in", sign_in),
        path("public", public),
        path("error/<int:code>", error),
        path("static/<path:name>", static),
    ]


class Site(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Silent(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its name there
        """Nothing: the test reads the browser's console instead."""


def main() -> None:
    configure()
    urlpatterns.extend(pages())
    sys.modules.setdefault(__name__, sys.modules["__main__"])
    with make_server("127.0.0.1", 0, get_wsgi_application(), Site, Silent) as site:
        sys.stdout.write(f"{site.server_port}\n")
        sys.stdout.flush()
        site.serve_forever()


if __name__ == "__main__":
    from tests.browser import gallery_site

    gallery_site.main()
