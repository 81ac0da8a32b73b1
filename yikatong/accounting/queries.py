"""Reads of voucher drafts, in a scope."""

from __future__ import annotations

from django.db.models import QuerySet

from yikatong.accounting.models import Voucher
from yikatong.kernel.actor import Scope
from yikatong.submission.models import Batch


def vouchers_of(batch: Batch, *, scope: Scope) -> QuerySet[Voucher]:
    return (
        Voucher.objects.filter(county=scope.county, batch=batch)
        .prefetch_related("entries")
        .order_by("id")
    )
