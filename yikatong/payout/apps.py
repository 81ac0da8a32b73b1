from django.apps import AppConfig


class PayoutConfig(AppConfig):
    name = "yikatong.payout"
    label = "payout"
    default_auto_field = "django.db.models.BigAutoField"
