"""Reference: django-import-export, tuned: bulk writes, no diff, one transaction, rows still cleaned.

argv: the workbook, then host, user and database of the server. Prints rows, faulty, seconds as JSON.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import django
from django.conf import settings

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
WORKBOOK, HOST, USER, NAME = sys.argv[1:]
settings.configure(
    INSTALLED_APPS=["import_export"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": HOST,
            "USER": USER,
            "NAME": NAME,
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

import tablib  # noqa: E402 - after settings
from django.core.exceptions import ValidationError  # noqa: E402
from django.db import connection, models  # noqa: E402
from import_export import fields, resources  # noqa: E402


def sound_id(number: str) -> None:
    if not re.fullmatch(r"\d{17}[\dXx]", number or ""):
        raise ValidationError("身份证号位数不对")
    total = sum(int(digit) * weight for digit, weight in zip(number, WEIGHTS, strict=False))
    if CHECKS[total % 11] != number[17].upper():
        raise ValidationError("身份证号校验码不符")


def sound_account(number: str) -> None:
    if not re.fullmatch(r"\d{12,21}", number or ""):
        raise ValidationError("账号不对")


class Line(models.Model):
    head_name = models.CharField(max_length=60)
    head_id = models.CharField(max_length=18, validators=[sound_id])
    payee_name = models.CharField(max_length=60)
    payee_id = models.CharField(max_length=18, validators=[sound_id])
    account_no = models.CharField(max_length=30, validators=[sound_account])
    bank = models.CharField(max_length=60)
    village = models.CharField(max_length=60)
    group = models.CharField(max_length=60)
    beneficiary = models.CharField(max_length=60)
    beneficiary_id = models.CharField(max_length=18, validators=[sound_id])
    object_key = models.CharField(max_length=60)
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    standard = models.DecimalField(max_digits=18, decimal_places=7)
    amount = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        app_label = "import_export"
        db_table = "bench_reference_line"


COLUMNS = [field.name for field in Line._meta.fields if field.name != "id"]


class LineResource(resources.ModelResource):
    id = fields.Field(attribute="id", column_name="id")

    class Meta:
        model = Line
        fields = ("id", *COLUMNS)
        import_id_fields = ("id",)
        use_bulk = True
        batch_size = 1000
        skip_diff = True
        skip_html_diff = True
        force_init_instance = True
        use_transactions = True
        clean_model_instances = True
        raise_errors = False


def main() -> None:
    with connection.schema_editor() as editor:
        editor.create_model(Line)
    try:
        started = time.perf_counter()
        book = tablib.Dataset().load(Path(WORKBOOK).read_bytes(), format="xlsx")
        book.headers = COLUMNS
        outcome = LineResource().import_data(book, dry_run=False, raise_errors=False)
        seconds = time.perf_counter() - started
        faulty = len(outcome.invalid_rows) + len(outcome.error_rows)
        sys.stdout.write(json.dumps({"rows": len(book), "faulty": faulty, "seconds": seconds}))
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Line)


main()
