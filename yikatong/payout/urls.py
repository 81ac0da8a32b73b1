from django.urls import path

from yikatong.payout import views

urlpatterns = [
    path("payments/<int:payment_id>/stop", views.stop, name="stop-payment"),
    path("shares/<int:share_id>", views.share, name="share"),
]
