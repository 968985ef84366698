"""The paths of version 3, which have no slash at their end."""

from django.urls import path, re_path

from cloudigrade.api.documents import DocumentView
from cloudigrade.api.v3 import accounts, completeness, explanations, usage
from cloudigrade.api.v3.view import Nothing

urlpatterns = [
    path("openapi.json", DocumentView.as_view(document="v3"), name="v3-openapi"),
    path("usage", usage.Usage.as_view(), name="v3-usage"),
    path("completeness", completeness.Completeness.as_view(), name="v3-completeness"),
    path("accounts", accounts.Accounts.as_view(), name="v3-accounts"),
    path("accounts/<int:account_id>", accounts.Account.as_view(), name="v3-account"),
    path("accounts/<int:account_id>/verify", accounts.Verify.as_view(), name="v3-account-verify"),
    path("accounts/<int:account_id>/pause", accounts.Pause.as_view(), name="v3-account-pause"),
    path("accounts/<int:account_id>/unpause", accounts.Unpause.as_view(), name="v3-account-unpause"),
    path("accounts/<int:account_id>/enable", accounts.Enable.as_view(), name="v3-account-enable"),
    path("accounts/<int:account_id>/disable", accounts.Disable.as_view(), name="v3-account-disable"),
    path("instances/<int:instance_id>/runs", explanations.InstanceRuns.as_view(), name="v3-instance-runs"),
    path("images/<int:image_id>/verdict", explanations.ImageVerdict.as_view(), name="v3-image-verdict"),
    re_path("", Nothing.as_view(), name="v3-nothing"),
]
