"""The rules that need Django's own registers: every column, URL and model is accounted for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import CompositePrimaryKey, Model
from django.urls import URLPattern, URLResolver

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def columns_without_a_chinese_comment(models: Iterable[type[Model]]) -> list[str]:
    found = []
    for model in models:
        is_view = not model._meta.managed
        if not is_view and not CHINESE.search(model._meta.db_table_comment or ""):
            found.append(f"{model.__name__} 的表没有中文说明")
        found += [
            f"{model.__name__}.{field.name} 没有中文 db_comment"
            for field in model._meta.local_fields
            # a key made of columns is none itself
            if not isinstance(field, CompositePrimaryKey)
            and not CHINESE.search(field.db_comment or "")
        ]
    return found


def urls_without_a_policy(
    patterns: Iterable[URLPattern | URLResolver], prefix: str = ""
) -> list[str]:
    """Paths whose view carries no `policy`; the attribute may sit on the view or its class."""
    return [path for path, view in views(patterns, prefix) if policy_of(view) is None]


def policy_of(view: Any) -> Any:
    return getattr(view, "policy", None) or getattr(
        getattr(view, "view_class", None), "policy", None
    )


def views(
    patterns: Iterable[URLPattern | URLResolver], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns, path)
        else:
            yield path, pattern.callback


def models_without_a_glossary_entry(models: Iterable[type[Model]], glossary: str) -> list[str]:
    return [
        f"{model.__name__} 不在词汇表 docs/glossary.md 里"
        for model in models
        if not re.search(rf"`{model.__name__}`", glossary)
    ]
