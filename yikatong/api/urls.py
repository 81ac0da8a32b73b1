from django.urls import re_path

from yikatong.api import views
from yikatong.api.banks import DOORS

urlpatterns = [
    re_path(rf"^api/bank/v1/(?P<door>{'|'.join(DOORS)})$", views.bank_call, name="bank-call"),
]
