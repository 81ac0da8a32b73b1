from django.urls import path

from yikatong.submission import views

urlpatterns = [path("import/template", views.template, name="list-template")]
