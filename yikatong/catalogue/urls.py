from django.urls import path

from yikatong.catalogue import views

urlpatterns = [
    path("definitions/new", views.new_definition, name="new-definition"),
    path("definitions/<int:definition_id>/edit", views.edit_definition, name="edit-definition"),
    path(
        "definitions/<int:definition_id>/revise", views.revise_definition, name="revise-definition"
    ),
    path(
        "definitions/<int:definition_id>/decide", views.decide_definition, name="decide-definition"
    ),
]
