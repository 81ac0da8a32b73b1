from django.urls import path

from yikatong.funding import views

urlpatterns = [path("indicators", views.indicators, name="indicators")]
