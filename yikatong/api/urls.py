from django.urls import re_path

from yikatong.api import views
from yikatong.api.banks import DOORS
from yikatong.api.budget import DOORS as BUDGET_DOORS

urlpatterns = [
    re_path(rf"^api/bank/v1/(?P<door>{'|'.join(DOORS)})$", views.bank_call, name="bank-call"),
    re_path(
        rf"^api/budget/v1/(?P<door>{'|'.join(BUDGET_DOORS)})$",
        views.budget_call,
        name="budget-call",
    ),
]
