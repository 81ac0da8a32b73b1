"""Reads of batches and lines, in a scope."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum

from yikatong.catalogue.models import Programme
from yikatong.kernel.actor import Scope
from yikatong.kernel.errors import Refused
from yikatong.kernel.steps import Status
from yikatong.submission.models import (
    Approval,
    Batch,
    ColumnMapping,
    Confirmation,
    Line,
    SourceFile,
)

CAME_BACK = (Status.RETURNED, Status.DROPPED)
ASKED_AT_ONCE = 5_000


def remembered_mapping(unit_no: int, programme_code: str, *, scope: Scope) -> dict[str, str]:
    """The user's own header → field, as people of this unit have said for this programme."""
    said = ColumnMapping.objects.filter(
        county=scope.county, unit_no=unit_no, programme_code=programme_code
    )
    return dict(said.values_list("header", "field"))


def last_list(programme: Programme, period: str, unit_no: int, *, scope: Scope) -> QuerySet[Line]:
    """The lines of this unit's newest earlier period that passed: paid, or on their way."""
    lines = Line.objects.filter(
        county=scope.county,
        batch__programme=programme,
        batch__unit_no=unit_no,
        verdict__passed=True,
        period__lt=period,
    ).exclude(batch__status__in=CAME_BACK)
    newest = lines.aggregate(newest=Max("period"))["newest"]
    return lines.filter(period=newest or "").order_by("row_no", "id")


def people_of_lines(
    line_ids: Collection[int], programme_code: str, *, scope: Scope
) -> Iterator[tuple[int, bytes | None, bytes | None, bytes | None, str]]:
    """(line, 享受人, 收款人, 户主 by blind index, masked id) of lines that a template brought."""
    wanted = sorted(line_ids)
    for start in range(0, len(wanted), ASKED_AT_ONCE):
        found = Line.objects.filter(
            county=scope.county,
            programme_code=programme_code,
            id__in=wanted[start : start + ASKED_AT_ONCE],
        ).values_list("id", "beneficiary_index", "payee_index", "head_index", "id_masked")
        for line_id, beneficiary, payee, head, masked in found:
            yield line_id, _bytes(beneficiary), _bytes(payee), _bytes(head), masked


def _bytes(index: bytes | memoryview | None) -> bytes | None:
    return None if index is None else bytes(index)


def batches(*, scope: Scope) -> QuerySet[Batch]:
    """Every batch that the scope's policies let through, newest first."""
    return Batch.objects.filter(county=scope.county).select_related("programme", "origin")


def batch_by_number(number: str, *, scope: Scope) -> Batch:
    """Outside the scope a batch does not exist.

    Raises:
        Refused: no such batch here.
    """
    batch: Batch | None = batches(scope=scope).filter(number=number.strip()).first()
    if batch is None:
        raise Refused(f"没有批次“{number}”，或不在您的办理范围内。")
    return batch


def batch_by_id(batch_id: int, *, scope: Scope) -> Batch:
    batch: Batch | None = batches(scope=scope).filter(pk=batch_id).first()
    if batch is None:
        raise Refused("没有这个批次，或不在您的办理范围内。")
    return batch


def batches_in(statuses: list[str], *, scope: Scope) -> QuerySet[Batch]:
    return batches(scope=scope).filter(status__in=statuses)


def lines_of_batch(batch: Batch, *, scope: Scope) -> QuerySet[Line]:
    return Line.objects.filter(county=scope.county, batch=batch).order_by("id")


def declared_totals(batch: Batch, *, scope: Scope) -> tuple[int, int]:
    """申报: number of lines, and their sum in fen."""
    facts = lines_of_batch(batch, scope=scope).aggregate(n=Count("id"), fen=Sum("amount_fen"))
    return int(facts["n"]), int(facts["fen"] or 0)


def declared_totals_of(batch_ids: list[int], *, scope: Scope) -> dict[int, tuple[int, int]]:
    """The same for a page of batches, in one query."""
    rows = (
        Line.objects.filter(county=scope.county, batch_id__in=batch_ids)
        .values("batch_id")
        .annotate(n=Count("id"), fen=Sum("amount_fen"))
    )
    return {row["batch_id"]: (row["n"], row["fen"] or 0) for row in rows}


def approval_of(batch: Batch, kind: str, *, scope: Scope) -> Approval | None:
    found: Approval | None = (
        Approval.objects.filter(county=scope.county, batch=batch, kind=kind).order_by("-id").first()
    )
    return found


def answers(batch: Batch, *, scope: Scope) -> QuerySet[Confirmation]:
    """Confirmations that may cover a finding of this batch: its own and those of its origins."""
    chain = [batch.pk]
    origin = batch.origin
    while origin is not None:
        chain.append(origin.pk)
        origin = origin.origin
    return Confirmation.objects.filter(county=scope.county, batch_id__in=chain)


def same_file(sm3: bytes, *, scope: Scope) -> SourceFile | None:
    """The same bytes, uploaded before."""
    found: SourceFile | None = (
        SourceFile.objects.filter(county=scope.county, sm3=sm3)
        .defer("sealed")
        .order_by("id")
        .first()
    )
    return found


def redrafts_of(batch: Batch, *, scope: Scope) -> QuerySet[Batch]:
    return batches(scope=scope).filter(Q(origin=batch)).order_by("id")


def find_batch(number: str, *, scope: Scope) -> Batch | None:
    """The same for an address: None where nothing of that number is in the scope."""
    found: Batch | None = batches(scope=scope).filter(number=number).first()
    return found


def batches_listed(
    *, scope: Scope, programme_code: str = "", statuses: Collection[str] = (), period: str = ""
) -> QuerySet[Batch]:
    """For the list page: empty words and no statuses leave nothing out."""
    found = batches(scope=scope)
    if programme_code:
        found = found.filter(programme__code=programme_code)
    if statuses:
        found = found.filter(status__in=list(statuses))
    if period:
        found = found.filter(period=period)
    return found


def batches_waiting(
    *, anywhere: Collection[str], of_unit: Collection[str], unit_no: int, scope: Scope
) -> QuerySet[Batch]:
    """Batches in the one group of statuses, or in the other and drafted by this very unit.

    The nearest due day first; what has no limit comes last. A correction draft whose lines have
    all been gathered elsewhere waits for nobody.
    """
    emptied = Q(status=Status.DRAFT, origin__isnull=False) & ~Exists(
        Line.objects.filter(batch=OuterRef("pk"))
    )
    return (
        batches(scope=scope)
        .exclude(emptied)
        .filter(Q(status__in=list(anywhere)) | Q(status__in=list(of_unit), unit_no=unit_no))
        .order_by(F("due_on").asc(nulls_last=True), "id")
    )


def batch_ids_since(day: date, *, scope: Scope) -> list[int]:
    """Numbers (`id`) of the batches drafted on this day or later."""
    return list(
        Batch.objects.filter(county=scope.county, made_at__date__gte=day).values_list(
            "pk", flat=True
        )
    )


def lines_of_people(*, scope: Scope) -> QuerySet[Line]:
    """For a village: lines of its own people in any batch that has left the draft, newest first."""
    return (
        Line.objects.filter(county=scope.county)
        .exclude(batch__status__in=("DRAFT", "DROPPED"))
        .select_related("batch__programme")
        .order_by("-id")
    )


def batches_on_their_way(
    *, but: Collection[int], ended: Collection[str], scope: Scope
) -> QuerySet[Batch]:
    """Batches of the scope that have not ended and wait for somebody else, newest first."""
    return (
        batches(scope=scope)
        .exclude(status__in=list(ended))
        .exclude(pk__in=list(but))
        .order_by("-id")
    )


def numbers_of(batch_ids: Collection[int], *, scope: Scope) -> dict[int, str]:
    return dict(
        Batch.objects.filter(county=scope.county, pk__in=list(batch_ids)).values_list(
            "pk", "number"
        )
    )


def periods_used(*, scope: Scope) -> list[str]:
    """期次 that have a batch, newest first."""
    found = Batch.objects.filter(county=scope.county).order_by().values_list("period", flat=True)
    return sorted(set(found.distinct()), reverse=True)


def roster_answers(batch: Batch, *, rule: str, scope: Scope) -> dict[bytes, str]:
    """Reasons given for the whole batch under one rule, by what was answered (evidence)."""
    given = Confirmation.objects.filter(county=scope.county, batch=batch, obligation="", rule=rule)
    return {bytes(answer.evidence): answer.reason for answer in given}
