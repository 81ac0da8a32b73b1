from django.urls import path

from yikatong.desk import batches, catalogue_pages, differences, steps, village, workbench

urlpatterns = [
    path("", workbench.home, name="home"),
    path("size", workbench.size, name="size"),
    path("post", workbench.switch_post, name="switch-post"),
    path("exceptions", workbench.exceptions, name="exceptions"),
    path("events", workbench.events, name="events"),
    path("batches", batches.batch_list, name="batches"),
    path("batches/<slug:number>", batches.batch_page, name="batch"),
    path("batches/<slug:number>/lines", batches.lines, name="lines"),
    path("batches/<slug:number>/payments", batches.payments, name="payments"),
    path("batches/<slug:number>/changes", differences.changes, name="changes"),
    path("batches/<slug:number>/forecast", differences.forecast_lines, name="forecast"),
    path("batches/<slug:number>/steps/<slug:name>", steps.take, name="step"),
    path("village/lines", village.lines, name="village-lines"),
    path("programmes", catalogue_pages.programme_list, name="programmes"),
    path("definitions/<int:definition_id>", catalogue_pages.definition_page, name="definition"),
    path("notices", catalogue_pages.notice_list, name="notices"),
    path("notices/<slug:slug>", catalogue_pages.notice, name="notice"),
]
