"""The one vault of this process, over the home's keys. The public process never opens it."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from yikatong.vault.cipher import Vault


@lru_cache(maxsize=1)
def the_vault() -> Vault:
    """Raises Refused where the keys are missing, readable by others, or this process is public."""
    if settings.IS_PUBLIC:
        raise PermissionError("the public process holds no key")
    return Vault.open(settings.HOME.keys)
