"""Our way to AWS: clients by the SDK's own credential chain and endpoints, and its errors as our three kinds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import boto3
from botocore import exceptions
from botocore.config import Config

from cloudigrade.clouds.protocol import CustomerProblem, Unavailable, Unreadable

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_s3 import S3Client

CONNECTIONS: Final = 16

_MISSING: Final = frozenset({"404", "InvalidObjectState", "NoSuchBucket", "NoSuchKey"})
_DENIED: Final = frozenset({"403", "AccessDenied", "AllAccessDisabled"})
_BUSY: Final = frozenset({"RequestTimeout", "RequestTimeTooSkewed", "SlowDown", "Throttling", "ThrottlingException"})
_UNREACHED: Final = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
)


def s3() -> "S3Client":
    """A client that the threads of one reading share."""
    with translated("AWS"):
        return boto3.session.Session().client("s3", config=Config(max_pool_connections=CONNECTIONS))


@contextmanager
def translated(subject: str, *, denied: type[Exception] = CustomerProblem) -> Iterator[None]:
    """Errors of the SDK leave as ours; `denied` is what refused access means here."""
    try:
        yield
    except exceptions.ClientError as error:
        raise _of_answer(subject, error, denied) from error
    except exceptions.ParamValidationError as error:
        raise Unreadable(f"{subject}: no valid name") from error
    except _UNREACHED as error:
        raise Unavailable(f"{subject}: {_line(error)}") from error
    except exceptions.BotoCoreError as error:  # credentials or configuration: missing, partial or wrong
        raise CustomerProblem(f"{subject}: {_line(error)}") from error


def _of_answer(subject: str, error: exceptions.ClientError, denied: type[Exception]) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reason = f"{subject}: {_line(error)}"
    if code in _MISSING:
        return Unreadable(reason)
    if code in _DENIED:
        return denied(reason)
    if code in _BUSY or status == 429 or status >= 500:  # noqa: PLR2004 - HTTP's own numbers
        return Unavailable(reason)
    return CustomerProblem(reason)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
