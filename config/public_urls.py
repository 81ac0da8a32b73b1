"""The public's URL table, served by the public process only."""

from django.urls import URLPattern, URLResolver, path

from yikatong.public import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.notices, name="notices"),
    path("notices/<slug:slug>", views.notice, name="notice"),
    path("policies", views.policies, name="policies"),
]
handler404 = views.not_found
