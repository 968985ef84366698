"""A customer's cloud accounts."""

from drf_spectacular.utils import extend_schema_view

from cloudigrade.api.v2 import schema
from cloudigrade.api.v2.listing import SHOWN, Item, Kind, ListingViewSet, time


def _translate(  # noqa: PLR0913, PLR0917 - the columns of the statement, in its order
    account_id: int,
    customer_id: int,
    cloud: str,
    native_id: str,
    credentials: str,
    is_enabled: bool,  # noqa: FBT001 - likewise
    is_paused: bool,  # noqa: FBT001 - likewise
    authentication_id: int | None,
    application_id: int | None,
    source_id: int | None,
    created_at: str,
    updated_at: str,
) -> Item:
    times = {"created_at": created_at, "updated_at": updated_at}
    if cloud == "aws":
        content = {"aws_cloud_account_id": account_id, "account_arn": credentials, "aws_account_id": native_id, **times}
    else:
        content = {"azure_cloud_account_id": account_id, "subscription_id": native_id, **times}
    return {
        "account_id": account_id,
        **times,
        "user_id": customer_id,
        "cloud_type": cloud,
        "content_object": content,
        "is_enabled": is_enabled,
        "platform_authentication_id": authentication_id,
        "platform_application_id": application_id,
        "platform_application_is_paused": is_paused,
        "platform_source_id": source_id,
    }


_STATEMENT = f"""
SELECT count(*) OVER (), a.id, a.customer_id, a.cloud, a.native_id, a.credentials, a.is_enabled, a.is_paused,
       a.platform_authentication_id, a.platform_application_id, a.platform_source_id,
       {time("a.created_at")}, {time("a.updated_at")}
FROM cloudigrade_cloudaccount AS a WHERE {SHOWN}{{condition}} ORDER BY a.id LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608 - our own literals


@extend_schema_view(
    **schema.operations(
        ("listCloudAccounts", "retrieveCloudAccount"),
        schema.CloudAccount,
        "The customer's cloud accounts, connected or being connected.",
    )
)
class AccountViewSet(ListingViewSet):
    """Accounts that the customer has connected, or is connecting."""

    kind = Kind(
        statement=_STATEMENT,
        key="a.id",
        translate=_translate,
        is_prepared=True,
    )
