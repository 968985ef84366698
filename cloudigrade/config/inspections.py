"""What of looking into images is set from outside."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PATHS = ("direct", "copy")


def _parts(text: object) -> object:
    if isinstance(text, str):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _paths(paths: tuple[str, ...]) -> tuple[str, ...]:
    if paths == ("none",):
        return ()
    if not paths or len(set(paths)) < len(paths) or not set(paths) <= set(PATHS):
        raise ValueError("must be direct, copy, direct,copy or none")
    return tuple(path for path in PATHS if path in paths)


class Section(BaseSettings):
    """Looking into images."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True, env_ignore_empty=True, extra="ignore")

    paths: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts), AfterValidator(_paths)] = Field(
        ("direct",),
        validation_alias="INSPECTION_PATHS",
        description="How disks are looked into: `direct` reads blocks of snapshots where they are, `copy` lets an"
        " inspector of ours look at copies of them; `direct,copy`: the latter where the former is not allowed;"
        " `none`: not at all.",
    )
    interval: int = Field(
        60,
        validation_alias="INSPECT_PENDING_IMAGES_SCHEDULE",
        ge=10,
        le=86_400,
        description="Seconds between two looks for images that are to be looked into.",
    )
    lease: int = Field(
        1200,
        validation_alias="INSPECT_PENDING_IMAGES_MIN_AGE",
        ge=60,
        le=604_800,
        description="Seconds after which an inspection whose worker died goes on with another; never less than five"
        " minutes more than a look may take.",
    )
    attempts: int = Field(
        5,
        validation_alias="MAX_ALLOWED_INSPECTION_ATTEMPTS",
        ge=1,
        le=100,
        description="Most attempts for an image; waiting for a cloud spends none.",
    )
    seconds: int = Field(
        600,
        validation_alias="INSPECTION_TIME_LIMIT",
        ge=10,
        le=1800,
        description="Seconds that one direct look may take.",
    )
    blocks: int = Field(
        4096,
        validation_alias="INSPECTION_BLOCK_LIMIT",
        ge=1,
        le=1_000_000,
        description="Most blocks of snapshots fetched for one direct look; a block has 512 KiB.",
    )
    cost: int = Field(
        50_000,
        validation_alias="INSPECTION_COST_LIMIT",
        ge=1,
        le=100_000_000,
        description="Most that these may cost the customer, in millionths of a dollar.",
    )
    price: int = Field(
        3,
        validation_alias="INSPECTION_BLOCK_PRICE",
        ge=1,
        le=10_000,
        description="What a block costs, in millionths of a dollar.",
    )
    copies: int = Field(
        5,
        validation_alias="INSPECTION_COPY_LIMIT",
        ge=1,
        le=1000,
        description="Most images of one region that are looked into by way of a copy at one time.",
    )
    copy_seconds: int = Field(
        7200,
        validation_alias="INSPECTION_COPY_TIME_LIMIT",
        ge=600,
        le=86_400,
        description="Seconds after which nobody waits any more for an inspector beside a copy.",
    )
    results_interval: int = Field(
        60,
        validation_alias="HOUNDIGRADE_ECS_PERSIST_INSPECTION_RESULTS_SCHEDULE",
        ge=10,
        le=3600,
        description="Seconds between two looks at the queue of inspectors' results, where there are copies.",
    )
    reap_interval: int = Field(
        3600,
        validation_alias="INSPECTION_REAP_SCHEDULE",
        ge=60,
        le=86_400,
        description="Seconds between two searches for what inspections have left behind, where there are copies.",
    )

    @property
    def patience(self) -> int:
        """Seconds after which whoever claimed an inspection is taken for dead."""
        return max(self.lease, self.seconds + 300)

    @property
    def most_blocks(self) -> int:
        """For one direct look, by number and cost."""
        return max(min(self.blocks, self.cost // self.price), 1)
