"""指标 as the budget system told them: read only, each reading kept with its as-of time."""

from __future__ import annotations

from datetime import datetime

from yikatong.connectors.budget.messages import Quota
from yikatong.funding.models import Indicator, IndicatorReading
from yikatong.kernel.actor import Actor


def note_quota(quota: Quota, *, read_at: datetime, actor: Actor) -> None:
    """Keep one indicator's figures; `read_at` is our clock before it was asked for."""
    county = actor.scope.county
    indicator, _ = Indicator.objects.get_or_create(
        county=county,
        bgt_id=quota.bgt_id,
        defaults={
            "fiscal_year": quota.fiscal_year,
            "agency_code": quota.agency_code,
            "programme_code": quota.pro_code,
            "programme_name": quota.pro_name,
            "document_no": quota.cor_bgt_doc_no,
            "upper_document_no": quota.sup_bgt_doc_no,
            "fund_type_code": quota.fund_type_code,
            "exp_func_code": quota.exp_func_code,
            "gov_eco_code": quota.gov_bgt_eco_code,
            "dep_eco_code": quota.dep_bgt_eco_code,
            "manager_code": quota.manage_mof_dep_code,
            "is_track": quota.is_track,
            "track_code": quota.track_pro_code,
            "first_read_at": read_at,
        },
    )
    IndicatorReading.objects.create(
        county=county,
        indicator=indicator,
        amount_fen=quota.amount_fen,
        balance_fen=quota.cur_amt_fen,
        applied_fen=quota.pay_app_amt_fen,
        is_open=quota.bgt_exe_flag,
        as_of=quota.as_of,
        read_at=read_at,
    )
