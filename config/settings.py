"""One settings module; the process is told apart by YKT_PROCESS, and logs in as its own role.

YKT_PROCESS   database role   what it serves
web           ykt_web         officials; takes a duty role per request
worker        ykt_worker      jobs; the only writer of results
public        ykt_public      citizens; holds no key
owner         ykt_owner       migrations only (an administrator's login that becomes the owner)
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from yikatong.kernel.home import CHECKOUT, Home
from yikatong.kernel.points import refuse_in_production

refuse_in_production(os.environ)

BASE_DIR = Path(__file__).resolve().parents[1]
HOME = Home.from_environ(os.environ)
PROCESS = os.environ.get("YKT_PROCESS", "web")
IS_PUBLIC = PROCESS == "public"


def _secret_key() -> str:
    """Sessions are signed with a key of the home; without a home (lint, tests) one is made up."""
    kept = HOME.keys / "session.key"
    if kept.exists() and not IS_PUBLIC:
        return kept.read_text(encoding="ascii").strip()
    return os.urandom(32).hex()


SECRET_KEY = _secret_key()
DEBUG = False
ALLOWED_HOSTS = os.environ.get("YKT_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_cotton",
    "procrastinate.contrib.django",
    "yikatong.audit",
    "yikatong.jobs",
    "yikatong.organisation",
    "yikatong.catalogue",
    "yikatong.registry",
    "yikatong.submission",
    "yikatong.validation",
    "yikatong.review",
    "yikatong.funding",
    "yikatong.payout",
    "yikatong.feedback",
    "yikatong.accounting",
    "yikatong.disclosure",
    "yikatong.journey",
    "yikatong.desk",
    "yikatong.public",
]

_COMMON = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "yikatong.desk.middleware.content_security_policy",
]
MIDDLEWARE = (
    [*_COMMON, "yikatong.public.middleware.PublicScope"]
    if IS_PUBLIC
    else [
        *_COMMON,
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django_htmx.middleware.HtmxMiddleware",
        "yikatong.desk.middleware.ScopedRequest",
    ]
)
ROOT_URLCONF = "config.public_urls" if IS_PUBLIC else "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "yikatong.desk.shell.shell",
            ]
            if not IS_PUBLIC
            else ["django.template.context_processors.request"],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton", "yikatong.desk.templatetags.ykt"],
        },
    }
]


def _database() -> dict[str, Any]:
    """The home's own server, or the one that YKT_DATABASE_URL names (roles as made by `init`)."""
    role = {"web": "ykt_web", "worker": "ykt_worker", "public": "ykt_public"}.get(
        PROCESS, "ykt_admin"
    )
    options: dict[str, Any] = {"application_name": f"ykt-{PROCESS}"}
    if PROCESS == "owner":
        options["options"] = "-c role=ykt_owner"
    common = {
        "ENGINE": "django.db.backends.postgresql",
        "OPTIONS": options,
        "CONN_MAX_AGE": None,
        # a cursor is planned for its first tenth: on fresh tables that cost 0.4 s a row
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
    url = os.environ.get("YKT_DATABASE_URL")
    if not url:
        name = os.environ.get("YKT_DATABASE_NAME", "yikatong")
        return {
            **common,
            "NAME": name,
            "USER": role,
            "HOST": os.environ.get("YKT_SOCKET_DIR", str(HOME.run)),
        }
    parts = urlsplit(url)
    kept = HOME.keys / "database.json"
    passwords: dict[str, str] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    admin = (
        urlsplit(os.environ["YKT_ADMIN_URL"])
        if role == "ykt_admin" and "YKT_ADMIN_URL" in os.environ
        else None
    )
    return {
        **common,
        "NAME": parts.path.lstrip("/"),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "USER": unquote(admin.username or "") if admin else role,
        "PASSWORD": unquote(admin.password or "") if admin else passwords.get(role, ""),
    }


DATABASES = {"default": _database()}
# The database's own law (yikatong/law) is applied after migrations by the same command.
MIGRATION_MODULES: dict[str, str] = {}

AUTH_USER_MODEL = "organisation.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_FAILURE_VIEW = "yikatong.desk.errors.csrf_failed"
IS_HTTPS = os.environ.get("YKT_HTTPS") == "1"
SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 21 * 1024 * 1024

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = None  # served from the apps themselves by whitenoise; nothing is collected
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"
PROCRASTINATE_IMPORT_PATHS = ["yikatong.journey.jobs"]
SILENCED_SYSTEM_CHECKS = ["auth.W004"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("YKT_LOG", "WARNING")},
}

# a bank's receipt is due within this; then the same bytes are sent again
ANSWER_WAIT_S = int(os.environ.get("YKT_ANSWER_WAIT_S", "600"))

# while nothing moves, a bank that owes an answer is asked at least this often
ASK_MOST_S = int(os.environ.get("YKT_ASK_MOST_S", "15"))

# where the bank's and the budget system's endpoints are registered (simulators write them)
BANK_ENDPOINTS = HOME.run / "bank.json"
BANK_PROFILES = CHECKOUT / "packs" / "banks"
BUDGET_ENDPOINT = HOME.run / "budget.json"
# our own messages to officials, a file a day
OFFICER_TEXTS = HOME.outbox / "sms"
