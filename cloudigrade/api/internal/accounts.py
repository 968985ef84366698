"""Cloud accounts as the public API shows them, of all customers; operators connect and remove them here."""

from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import ObjectDoesNotExist
from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, AuthenticationFailed, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cloudigrade.api.authentication import named_identity
from cloudigrade.api.internal import bodies, schema
from cloudigrade.api.internal.concurrent import NOBODY
from cloudigrade.api.internal.listing import Listing, described, parse_id, serializer
from cloudigrade.api.internal.resources import Resource, Row, flag, integer, json, text, times
from cloudigrade.clouds import registry
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount
from cloudigrade.services import accounts, customers, onboarding
from cloudigrade.services.connecting import Outcome, Result
from cloudigrade.services.onboarding import PlatformIds
from cloudigrade.tasks.accounts import connect_accounts

_IDS: Final = ("platform_authentication_id", "platform_application_id", "platform_source_id")
_PAUSED: Final = "platform_application_is_paused"
_CREDENTIALS: Final = {"aws": "account_arn", "azure": "subscription_id"}
"""The field that says what opens an account, by cloud."""
_NOT_UNIQUE: Final = "The fields platform_authentication_id, platform_application_id must make a unique set."
_NOT_ENABLED: Final = "Could not enable cloud account. Please check your credentials."
_OF_CREDENTIALS: Final = frozenset({Problem.DUPLICATE_CREDENTIALS, Problem.DUPLICATE_ACCOUNT, Problem.INVALID_ARN})
_REQUIRED: Final = ["This field is required."]


class Later(APIException):
    """What is asked for cannot be done just now."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The account is being deleted, try again later."
    default_code = "unavailable"


def _shape(row: Row) -> Row:
    native_id, credentials = row.pop("native_id"), row.pop("credentials")
    content: Row = {"created_at": row["created_at"], "updated_at": row["updated_at"]}
    if row["cloud_type"] == "aws":
        content |= {"aws_cloud_account_id": row["account_id"], "account_arn": credentials, "aws_account_id": native_id}
    else:
        content |= {"azure_cloud_account_id": row["account_id"], "subscription_id": native_id}
    return row | {"content_object": content}


ACCOUNTS = Resource(
    "Account",
    "accounts",
    CloudAccount.objects.all,
    {
        "account_id": integer("pk"),
        **times(),
        "user_id": integer("customer_id"),
        "cloud_type": text("cloud"),
        "is_enabled": flag("is_enabled"),
        **{name: integer(name, null=True) for name in _IDS},
        _PAUSED: flag("is_paused"),
        "native_id": text("native_id"),
        "credentials": text("credentials"),
    },
    shape=_shape,
    extra={"content_object": json("").type},
    dropped=("native_id", "credentials"),
)

_ID_FIELDS: Final = {name: serializers.IntegerField() for name in _IDS}
_CREATED: Final = inline_serializer(
    "InternalNewAccount",
    {
        "cloud_type": serializers.ChoiceField(["aws", "azure"]),
        **_ID_FIELDS,
        **{name: serializers.CharField(required=False) for name in _CREDENTIALS.values()},
        _PAUSED: serializers.BooleanField(required=False),
    },
)
_UPDATED: Final = inline_serializer(
    "InternalChangedAccount",
    {
        **{name: serializers.IntegerField(required=False) for name in _IDS},
        _PAUSED: serializers.BooleanField(required=False),
    },
)


@extend_schema_view(
    create=extend_schema(
        **schema.described(
            "createInternalAccount",
            {201: serializer(ACCOUNTS)},
            body=_CREATED,
            parameters=schema.CUSTOMER_HEADERS,
            errors=(503,),
        )
    ),
    update=extend_schema(
        **schema.described(
            "updateInternalAccount",
            {200: serializer(ACCOUNTS)},
            body=_CREATED,
            parameters=[schema.ID],
            errors=(404, 503),
        )
    ),
    partial_update=extend_schema(
        **schema.described(
            "changeInternalAccount",
            {200: serializer(ACCOUNTS)},
            body=_UPDATED,
            parameters=[schema.ID],
            errors=(404, 503),
        )
    ),
    destroy=extend_schema(
        **schema.described("deleteInternalAccount", {202: None}, parameters=[schema.ID], errors=(404,))
    ),
)
@described(ACCOUNTS)
class AccountListing(Listing):
    """Accounts of all customers; one is connected at once, and removed by and by."""

    resource = ACCOUNTS

    def create(self, request: Request) -> Response:
        """The account is claimed and connected, or nothing of it stays."""
        identity = named_identity(request)
        if identity.is_nobody():
            raise AuthenticationFailed(NOBODY)
        body = bodies.fields(request)
        cloud, platform = _cloud(body), _platform(body)
        field = _CREDENTIALS[cloud]
        if not body.get(field):
            raise bodies.fault(**{field: _REQUIRED[0]})
        _refuse_same_application(platform, other_than=None)
        customer = accounts.ensure_customer(
            org_id=identity.org_id, account_number=identity.account_number, now=bodies.now()
        )
        account_id = _claimed(customer, cloud, str(body[field]), platform)
        return Response(self.row(account_id), status=status.HTTP_201_CREATED)

    def update(self, request: Request, pk: str) -> Response:
        """The account has these names in the platform."""
        body = bodies.fields(request)
        missing = {name: _REQUIRED for name in ("cloud_type", *_IDS) if body.get(name) is None}
        if missing:
            raise ValidationError(missing)
        return self.partial_update(request, pk)

    def partial_update(self, request: Request, pk: str) -> Response:
        """The account has those of these names that are given."""
        body, row = bodies.fields(request), self.row(pk)
        _refuse_changes(body, row)
        is_paused, platform = _wanted_pause(body, row), _wanted_names(body, row)
        _rename(row, platform)
        _pause(row, is_wanted=is_paused)
        return Response(self.row(pk))

    def destroy(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the framework's signature
        """The account is on its way out."""
        delete(pk)
        return Response(status=status.HTTP_202_ACCEPTED)


def delete(pk: str) -> None:
    """The account is on its way out; raises NotFound."""
    account_id = parse_id(pk)
    if not CloudAccount.objects.filter(pk=account_id).exists():
        raise NotFound
    onboarding.delete(account_id=account_id, now=bodies.now())
    connect_accounts.delay_on_commit()


def _cloud(body: Mapping[str, Any]) -> str:
    cloud = body.get("cloud_type")
    if cloud is None:
        raise ValidationError({"cloud_type": _REQUIRED})
    if cloud not in registry.names():
        raise ValidationError({"cloud_type": [f'"{cloud}" is not a valid choice.']})
    return str(cloud)


def _platform(body: Mapping[str, Any]) -> PlatformIds:
    faults, found = {}, []
    for name in _IDS:
        try:
            found.append(bodies.integer(body[name]))
        except KeyError:
            faults[name] = _REQUIRED
        except ValueError:
            faults[name] = ["A valid integer is required."]
    if faults:
        raise ValidationError(faults)
    return PlatformIds(*found)


def _refuse_same_application(platform: PlatformIds, *, other_than: int | None) -> None:
    same = CloudAccount.objects.filter(
        platform_authentication_id=platform.authentication_id, platform_application_id=platform.application_id
    )
    if same.exclude(pk=other_than or 0).exists():
        raise ValidationError({"non_field_errors": [_NOT_UNIQUE]})


def _claimed(customer: int, cloud: str, credentials: str, platform: PlatformIds) -> int:
    """The id of the account, which is connected, or will be when its cloud answers."""
    field = _CREDENTIALS[cloud]
    known = set(CloudAccount.objects.filter(customer=customer).values_list("pk", flat=True))
    try:
        account_id = onboarding.claim(
            customer_id=customer, cloud=cloud, credentials=credentials, platform=platform, now=bodies.now()
        )
    except CustomerProblem as problem:
        if problem.problem is Problem.INVALID_ARN:
            raise ValidationError({field: ["Invalid ARN."]}) from problem
        raise bodies.fault(**{field: problem.problem.sentence}) from problem
    except Unavailable as problem:
        raise Later from problem
    outcome = onboarding.connect(account_id=account_id, now=bodies.now())
    if outcome.result is Result.PROBLEM:
        if account_id not in known:
            _forget(account_id)
        raise _refusal(outcome, field)
    return outcome.account_id


def _forget(account_id: int) -> None:
    """The claim that came to nothing is gone, or will be."""
    onboarding.delete(account_id=account_id, now=bodies.now())
    onboarding.connect(account_id=account_id, now=bodies.now())


def _refusal(outcome: Outcome, field: str) -> ValidationError:
    problem = Problem(outcome.code)
    return bodies.fault(**({field: problem.sentence} if problem in _OF_CREDENTIALS else {"is_enabled": _NOT_ENABLED}))


def _refuse_changes(body: Mapping[str, Any], row: Row) -> None:
    content = row["content_object"]
    for name, current, fault in (
        ("cloud_type", row["cloud_type"], "You cannot update field cloud_type."),
        ("subscription_id", content.get("subscription_id"), "You cannot update field subscription_id."),
        ("account_arn", content.get("account_arn"), "You cannot update account_arn."),
    ):
        if name in body and body[name] != current:
            raise ValidationError({name: [fault]})


def _wanted_names(body: Mapping[str, Any], row: Row) -> PlatformIds | None:
    """The account's names in the platform; None where they stay as they are."""
    current = {name: row[name] for name in _IDS if row[name] is not None}
    if not any(name in body for name in _IDS):
        return None
    wanted = _platform(current | dict(body))
    return None if list(wanted) == [row[name] for name in _IDS] else wanted


def _wanted_pause(body: Mapping[str, Any], row: Row) -> bool:
    wanted = body.get(_PAUSED, row[_PAUSED])
    if not isinstance(wanted, bool):
        raise ValidationError({_PAUSED: ["Must be a valid boolean."]})
    return wanted


def _rename(row: Row, platform: PlatformIds | None) -> None:
    if platform is None:
        return
    _refuse_same_application(platform, other_than=row["account_id"])
    try:
        customers.rename_account(account_id=row["account_id"], platform=platform)
    except customers.Taken as problem:  # since we looked
        raise ValidationError({"non_field_errors": [_NOT_UNIQUE]}) from problem
    except ObjectDoesNotExist:
        raise NotFound from None


def _pause(row: Row, *, is_wanted: bool) -> None:
    """The account is paused or not, and metered accordingly."""
    if is_wanted == row[_PAUSED]:
        return
    service = onboarding.pause if is_wanted else onboarding.unpause
    try:
        service(account_id=row["account_id"], now=bodies.now())
    except Unavailable as problem:
        raise Later from problem
    except ObjectDoesNotExist:
        raise NotFound from None
    connect_accounts.delay_on_commit()
