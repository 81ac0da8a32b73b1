from django.urls import path

from yikatong.accounting import views

urlpatterns = [
    path("ledger", views.ledger, name="ledger"),
    path("ledger/postings", views.postings, name="postings"),
    path("ledger/download", views.download_ledger, name="ledger-download"),
    path("vouchers", views.vouchers, name="vouchers"),
    path("vouchers/download", views.download_vouchers, name="vouchers-download"),
    path("batches/<slug:number>/recovery", views.recovery, name="recovery"),
]
