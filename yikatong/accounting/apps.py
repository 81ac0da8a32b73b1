from django.apps import AppConfig


class AccountingConfig(AppConfig):
    name = "yikatong.accounting"
    label = "accounting"
    default_auto_field = "django.db.models.BigAutoField"
