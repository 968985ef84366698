"""Errors of AWS's SDK as our kinds of failure, here and nowhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from botocore import exceptions

from cloudigrade.clouds.protocol import Absent, CustomerProblem, NotSetUp, Unavailable
from cloudigrade.domain.problems import Problem

Denied = Callable[[str], Exception]
"""Makes the failure from its reason."""

# S3 · CloudTrail · EC2. Names that lead nowhere: of something else this time, or of nothing.
_MISSING: Final = frozenset(
    {
        "301",
        "404",
        "AuthorizationHeaderMalformed",  # the bucket lies in another region
        "InvalidBucketName",
        "InvalidObjectState",
        "NoSuchBucket",
        "NoSuchKey",
        "NoSuchVersion",
        "PermanentRedirect",
    }
)
# Whoever asks may not, or the account, its region or its key is closed to everybody.
_DENIED: Final = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AccountProblem",
        "AllAccessDisabled",
        "AuthFailure",  # with the next two also: the region, never opted in to, does not know the account's tokens
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "Blocked",
        "KMS.AccessDeniedException",
        "KMS.DisabledException",
        "KMS.KMSInvalidStateException",
        "KMS.NotFoundException",
        "NotSignedUp",
        "OptInRequired",
        "PendingVerification",
        "RegionDisabledException",
        "SubscriptionRequiredException",
        "UnauthorizedOperation",
    }
)
_OUTAGES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "InternalError",
        "InternalFailure",
        "InternalServiceError",
        "KMS.ThrottlingException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "RequestTimeTooSkewed",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionInProgressException",
        "Unavailable",
    }
)
# The credentials are no good at all, whatever is asked for.
_IDENTITY: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)
# Of our own keys: AWS does not know them. Of a customer's: they are good, and the region is closed to them.
_UNKNOWN_KEYS: Final = frozenset({"InvalidClientTokenId", "UnrecognizedClientException"})
_MISSING_KEYS: Final = (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)
_WHAT_TO_SET: Final = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
_UNREACHED: Final = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.ResponseStreamingError,
)
_SERVER: Final = 500
_TOO_MANY: Final = 429


def _refused(reason: str) -> CustomerProblem:
    return CustomerProblem(reason, Problem.POLICY_TOO_NARROW)


@contextmanager
def translated(subject: str, *, denied: Denied = _refused) -> Iterator[None]:
    """Errors of the SDK leave as ours: try again, unreadable, or refused, which `denied` says the meaning of.

    With `denied=Unavailable`, for what is our own, missing and bad credentials are our operator's trouble, not the
    customer's: they leave as NotSetUp.
    What AWS finds wrong with a request is our bug, and leaves as it is.
    """
    try:
        yield
    except exceptions.ClientError as error:
        failure = _of_answer(f"{subject}: {_line(error)}", error, denied)
        if failure is None:
            raise
        raise failure from error
    except exceptions.ParamValidationError as error:
        raise Absent(f"{subject}: {_line(error)}") from error
    except _UNREACHED as error:
        raise Unavailable(f"{subject}: {_line(error)}") from error
    except exceptions.BotoCoreError as error:  # credentials or configuration: missing, partial or wrong
        advice = f"our own credentials are missing: {_WHAT_TO_SET}" if isinstance(error, _MISSING_KEYS) else ""
        raise _without_identity(f"{subject}: {_line(error)}", advice, denied) from error


def code(error: exceptions.ClientError) -> str:
    """What AWS calls the error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _of_answer(reason: str, error: exceptions.ClientError, denied: Denied) -> Exception | None:
    name = code(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if name in _OUTAGES or status == _TOO_MANY or status >= _SERVER:
        return Unavailable(reason)
    if name in _MISSING:
        return Absent(reason)
    if name in _IDENTITY or (name in _UNKNOWN_KEYS and denied is Unavailable):
        return _without_identity(reason, f"our own credentials are not valid: {_WHAT_TO_SET}", denied)
    return denied(reason) if name in _DENIED else None


def _without_identity(reason: str, advice: str, denied: Denied) -> Exception:
    """`advice` is for our operator, whose trouble it is if the credentials are our own."""
    if denied is not Unavailable:
        return CustomerProblem(reason)
    return NotSetUp(f"{reason}; {advice}" if advice else reason)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
