from django.urls import path

from yikatong.validation import views

urlpatterns = [
    path("import", views.upload, name="import"),
    path("import/<int:run_id>", views.check_run, name="check-run"),
    path("import/<int:run_id>/again", views.check_again, name="check-again"),
    path("import/<int:run_id>/cancel", views.cancel_check, name="cancel-check"),
    path("import/<int:run_id>/columns", views.map_columns, name="map-columns"),
    path("import/<int:run_id>/marked", views.marked_workbook, name="marked-workbook"),
    path("import/<int:run_id>/save", views.save, name="save-check"),
    path("definitions/<int:definition_id>/trials", views.ask_trial, name="ask-trial"),
    path("trials/<int:trial_id>", views.trial, name="trial"),
    path("batches/<slug:number>/lines/remove", views.take_out, name="take-out"),
    path("batches/<slug:number>/answers", views.answer, name="answer"),
]
