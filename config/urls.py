"""The officials' URL table. Every view carries a policy (yikatong/organisation/policy.py)."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("yikatong.organisation.urls")),
    path("", include("yikatong.catalogue.urls")),
    path("", include("yikatong.registry.urls")),
    path("", include("yikatong.submission.urls")),
    path("", include("yikatong.validation.urls")),
    path("", include("yikatong.payout.urls")),
    path("", include("yikatong.api.urls")),
    path("", include("yikatong.funding.urls")),
    path("", include("yikatong.feedback.urls")),
    path("", include("yikatong.accounting.urls")),
    path("", include("yikatong.desk.urls")),
]
