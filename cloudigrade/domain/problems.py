"""What only the customer can solve: a code that stays the same for good, and the sentence that says what to do."""

from enum import StrEnum

_START = "Could not enable cloud metering. Error code {code}."


class Problem(StrEnum):
    """Codes of the predecessor keep their number and meaning; CG3004 and above are ours."""

    UNKNOWN_CUSTOMER = "CG1000"
    DUPLICATE_CREDENTIALS = "CG1001"
    DUPLICATE_ACCOUNT = "CG1002"
    INVALID_ARN = "CG1004"
    NO_AUTHENTICATION = "CG2000"
    UNKNOWN_AUTHENTICATION_TYPE = "CG2001"
    NOT_OF_AN_APPLICATION = "CG2002"
    NO_CREDENTIALS = "CG2004"
    UNKNOWN = "CG3000"
    TOO_MANY_TRAILS = "CG3001"
    NO_ACCESS = "CG3002"
    POLICY_TOO_NARROW = "CG3003"
    EXTERNAL_ID_NOT_DEMANDED = "CG3004"
    LOGS_ENCRYPTED = "CG3005"
    TRAIL_CANNOT_WRITE = "CG3006"
    EXTERNAL_ID_TAKEN = "CG3007"

    @property
    def sentence(self) -> str:
        """What the customer is told."""
        return f"{_START.format(code=self.value)} {_ADVICE[self]}".rstrip()


_ADVICE = {
    Problem.UNKNOWN_CUSTOMER: "",
    Problem.DUPLICATE_CREDENTIALS: "The AWS ARN must be unique, and another account already has it.",
    Problem.DUPLICATE_ACCOUNT: "The AWS account ID must be unique, and another customer already has it.",
    Problem.INVALID_ARN: "Invalid ARN: it must be that of an IAM role, such as arn:aws:iam::123456789012:role/name.",
    Problem.NO_AUTHENTICATION: (
        "The required authentication was not found; this is likely an error of Sources: remove the source and add it"
        " again."
    ),
    Problem.UNKNOWN_AUTHENTICATION_TYPE: (
        "The authentication's type must be cloud-meter-arn or lighthouse_subscription_id, and its cloud one that this"
        " service meters."
    ),
    Problem.NOT_OF_AN_APPLICATION: (
        "The authentication's resource type must be Application; this is likely an error of Sources: remove the source"
        " and add it again."
    ),
    Problem.NO_CREDENTIALS: "The authentication has neither a user name nor a password that says what to meter.",
    Problem.UNKNOWN: "There is an unknown issue with the credentials; verify them and try again.",
    Problem.TOO_MANY_TRAILS: (
        "The region has as many trails as CloudTrail allows; remove one, or let one of them log management events to a"
        " bucket that the role may read."
    ),
    Problem.NO_ACCESS: (
        "The role cannot be assumed; check its ARN, and that its trust policy names our account and your external ID."
    ),
    Problem.POLICY_TOO_NARROW: "The policy attached to the role does not allow all that is needed.",
    Problem.EXTERNAL_ID_NOT_DEMANDED: (
        "The role can be assumed without your external ID, so anybody could have it metered as theirs; let its trust"
        " policy demand sts:ExternalId."
    ),
    Problem.LOGS_ENCRYPTED: (
        "The trail's log files are encrypted with a KMS key that the role may not use; allow it kms:Decrypt."
    ),
    Problem.TRAIL_CANNOT_WRITE: "CloudTrail may not write to the bucket; its bucket policy does not allow it.",
    Problem.EXTERNAL_ID_TAKEN: "The external ID belongs to another customer; use your own.",
}
