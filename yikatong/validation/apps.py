from django.apps import AppConfig


class ValidationConfig(AppConfig):
    name = "yikatong.validation"
    label = "validation"
    default_auto_field = "django.db.models.BigAutoField"
