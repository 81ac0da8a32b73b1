from django.urls import path

from yikatong.registry import views

urlpatterns = [
    path("people", views.people, name="people"),
    path("people/<int:person_id>", views.person, name="person"),
    path("account-changes", views.changes, name="account-changes"),
    path("account-changes/<int:change_id>", views.change, name="account-change"),
]
