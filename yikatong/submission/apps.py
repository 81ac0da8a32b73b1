from django.apps import AppConfig


class SubmissionConfig(AppConfig):
    name = "yikatong.submission"
    label = "submission"
    default_auto_field = "django.db.models.BigAutoField"
