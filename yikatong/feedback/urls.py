from django.urls import path

from yikatong.feedback import failure_views as failures
from yikatong.feedback import views

urlpatterns = [
    path("reconciliation", views.reconciliation, name="reconciliation"),
    path("reconciliation/run", views.ask, name="reconciliation-run"),
    path("reconciliation/statements", views.statement, name="statement"),
    path("reconciliation/statements/<int:statement_id>", views.download, name="statement-file"),
    path("failures", failures.failures, name="failures"),
    path("failures/reissue", views.gather, name="gather"),
    path("differences/<int:difference_id>", views.difference, name="difference"),
]
