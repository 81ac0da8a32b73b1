from django.urls import path

from yikatong.submission import views

urlpatterns = [
    path("import/template", views.template, name="list-template"),
    path("definitions/<int:definition_id>/template", views.sample_template, name="sample-template"),
]
