from django.urls import path

from yikatong.payout import views

urlpatterns = [
    path("payments/<int:payment_id>/stop", views.stop, name="stop-payment"),
    path("exceptions/<int:item_id>", views.close_exception, name="exception"),
    path("shares/<int:share_id>", views.share, name="share"),
]
