"""Snapshots and images in moto as AWS has them: shared across accounts, with content that copies keep; each its reason.

moto shows an account its own snapshots and images only, loses encryption, tags and disks on the way, and reads blocks
of no snapshot but those that its EBS direct API made, by any token. What takes AWS minutes is done at once here:
`Snapshot.status` can be set by tests that want it otherwise.
"""

import base64
import hashlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ebs.models import EBSBackend as Blocks
from moto.ebs.models import EBSSnapshot, ebs_backends
from moto.ebs.responses import EBSResponse
from moto.ec2.exceptions import EC2ClientError, InvalidSnapshotIdError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.models.elastic_block_store import EBSBackend, Snapshot
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.utils import generic_filter

BLOCK = 512 << 10
NO_STORAGE = "You do not have permission to access the storage of this ami"


def snapshot_of(name: str) -> Snapshot:
    """The snapshot, whosever it is, so that a test can change what AWS says of it."""
    return next(found for backend in _backends() for found in backend.snapshots.values() if found.id == name)


def write(name: str, blocks: dict[int, bytes]) -> None:
    """The snapshot holds these blocks, filled up with zeros."""
    content = _content(snapshot_of(name))
    for number, block in blocks.items():
        content.put_block(number, block.ljust(BLOCK, b"\0"), None, None, BLOCK)


def _backends(region: str = "") -> Iterator[EC2Backend]:
    for by_region in list(ec2_backends.values()):
        yield from [backend for name, backend in list(by_region.items()) if region in ("", name)]


def _sees(account: str, snapshot: Snapshot) -> bool:
    shared = snapshot.create_volume_permission_userids
    return account in {snapshot.owner_id, *shared} or "all" in snapshot.create_volume_permission_groups


class _Foreign:
    """Somebody else's thing, whose tags only its owner sees."""

    tags: tuple[()] = ()
    tag_set: tuple[()] = ()

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._thing, name)

    def get_filter_value(self, name: str, method: str | None = None) -> Any:
        return None if name.startswith("tag") else self._thing.get_filter_value(name, method)


def _seen_by(account: str, things: list[Any]) -> list[Any]:
    return [each if each.owner_id == account else _Foreign(each) for each in things]


def _snapshots(region: str, account: str) -> list[Snapshot]:
    found = [each for backend in _backends(region) for each in list(backend.snapshots.values())]
    return [each for each in found if _sees(account, each)]


def _describe_snapshots(self: ElasticBlockStore) -> ActionResult:
    """Moto knows neither other accounts' snapshots, nor OwnerIds, nor RestorableByUserIds."""
    account = self.current_account
    found = _snapshots(self.region, account)
    names, owners, readers = (
        [account if each == "self" else each for each in self._get_param(name, [])]
        for name in ("SnapshotIds", "OwnerIds", "RestorableByUserIds")
    )
    if set(names) - {each.id for each in found}:
        raise InvalidSnapshotIdError
    found = [each for each in found if not names or each.id in names]
    found = [each for each in found if not owners or each.owner_id in owners]
    found = [each for each in found if not readers or each.create_volume_permission_userids & {*readers}]
    shown = _seen_by(account, found)
    filters = self._filters_from_querystring()
    return ActionResult({"Snapshots": generic_filter(filters, shown) if filters else shown})


def _copy_snapshot(
    self: Any, source_snapshot_id: str, source_region: str, description: str, kms_key_id: str | None
) -> Snapshot:
    """Moto copies an account's own snapshots only, and not their content."""
    source = next((each for each in _snapshots(source_region, self.account_id) if each.id == source_snapshot_id), None)
    if source is None:
        raise InvalidSnapshotIdError
    made: Snapshot = self.create_snapshot(_volume(self, source.volume.size), description)
    made.encrypted, made.kms_key_id = source.encrypted, kms_key_id or source.kms_key_id
    _give_content(made, source)
    return made


def _copy_encrypted(self: ElasticBlockStore) -> ActionResult:
    """Moto does not hear Encrypted."""
    result: Any = _original_copy_response(self)
    if str(self._get_param("Encrypted")).lower() == "true":
        self.ec2_backend.snapshots[result.result["SnapshotId"]].encrypted = True
    return result  # type: ignore[no-any-return]


_original_copy_response = ElasticBlockStore.copy_snapshot


def _volume(backend: Any, size: int) -> str:
    """A volume of that size; snapshots want one."""
    name: str = backend.create_volume(size=size, zone_name=f"{backend.region_name}a").id
    return name


def _give_content(made: Snapshot, source: Snapshot) -> None:
    content = EBSSnapshot(made.owner_id, made)
    content.blocks = _content(source).blocks
    ebs_backends[made.ec2_backend.account_id][made.ec2_backend.region_name].snapshots[made.id] = content


def _content(snapshot: Snapshot) -> EBSSnapshot:
    """What lies in it; nothing, where it was not made by the EBS direct API."""
    backend = snapshot.ec2_backend
    known = ebs_backends[backend.account_id][backend.region_name].snapshots
    return known.get(snapshot.id) or EBSSnapshot(snapshot.owner_id, snapshot)


# Images: moto registers and copies them without their disks and tags, and shows nobody another account's.


def _image(region: str, account: str, name: str) -> Ami | None:
    for backend in _backends(region):
        ami = backend.amis.get(name)
        if ami and (ami.owner_id == account or _is_open(ami, account)):
            return ami
    return None


def _is_open(ami: Ami, account: str) -> bool:
    return any(each.get("UserId") == account or each.get("Group") == "all" for each in ami.launch_permissions)


def _describe_images(self: Any, *given: Any, **more: Any) -> list[Any]:
    """Besides moto's own answer, images of others that are open to the account, where ids are asked for."""
    found: list[Any] = _original_describe_images(self, *given, **more)
    wanted = (more.get("filters") or {}).get("image-id", []) if not more.get("owners") else []
    missing = [name for name in wanted if name not in {each.id for each in found}]
    others = [_image(self.region_name, self.account_id, name) for name in missing]
    return found + [_Foreign(ami) for ami in others if ami]


_original_describe_images = AmiBackend.describe_images


def _register_image(self: AmisResponse) -> ActionResult:
    result: Any = _original_register_image(self)
    ami = self.ec2_backend.amis[result.result["ImageId"]]
    given = self._get_param("BlockDeviceMappings", [])
    ami.root_device_name = self._get_param("RootDeviceName") or ami.root_device_name
    ami.architecture = self._get_param("Architecture") or ami.architecture
    if given:
        _map(ami, given)
    return result  # type: ignore[no-any-return]


_original_register_image = AmisResponse.register_image


def _map(ami: Any, mappings: list[dict[str, Any]]) -> None:
    """The image has these disks, and not the one that moto makes up."""
    ami.ec2_backend.snapshots.pop(ami.ebs_snapshot.id, None)
    ami.given_mappings = mappings
    for each in mappings:
        snapshot = ami.ec2_backend.snapshots.get(each.get("Ebs", {}).get("SnapshotId"))
        if snapshot:
            snapshot.from_ami = ami.id


def _mappings(self: Any) -> list[dict[str, Any]]:
    mappings: list[dict[str, Any]] = getattr(self, "given_mappings", None) or _original_mappings(self)
    return mappings


_original_mappings: Any = Ami.block_device_mappings.fget  # type: ignore[attr-defined] # it is a property


def _copy_image(self: AmisResponse) -> ActionResult:
    """An image that the account may see, and whose storage it may read; the token makes it once."""
    backend: Any = self.ec2_backend
    token = self._get_param("ClientToken")
    known = next((ami for ami in backend.amis.values() if token and getattr(ami, "token", "") == token), None)
    if known:
        return ActionResult({"ImageId": known.id})
    region = self._get_param("SourceRegion")
    source = _image(region, self.current_account, self._get_param("SourceImageId"))
    if source is None:
        raise EC2ClientError("InvalidAMIID.NotFound", "The image id does not exist")
    readable = {each.id: each for each in _snapshots(region, self.current_account)}
    disks = [each for each in source.block_device_mappings if "Ebs" in each]
    if not {each["Ebs"]["SnapshotId"] for each in disks} <= {*readable}:
        raise EC2ClientError("InvalidRequest", NO_STORAGE)
    made: Any = backend.register_image(self._get_param("Name"), self._get_param("Description"))
    made.token, made.root_device_name = token, source.root_device_name
    tags = self._parse_tag_specification()
    made.add_tags(tags.get("image", {}))
    mappings = []
    for each in disks:
        copy = _copy_snapshot(backend, each["Ebs"]["SnapshotId"], region, f"Copied for {made.id}", None)
        copy.add_tags(tags.get("snapshot", {}))
        mappings.append(each | {"Ebs": each["Ebs"] | {"SnapshotId": copy.id}})
    _map(made, mappings)
    return ActionResult({"ImageId": made.id})


# Instances: moto makes another one for the same token.


def _run_instances(self: InstanceBackend, *given: Any, **more: Any) -> Any:
    token = more.get("client_token")
    for reservation in list(self.reservations.values()):
        if token not in {None, "ABCDE"} and any(each.client_token == token for each in reservation.instances):
            return reservation
    return _original_run_instances(self, *given, **more)


_original_run_instances = InstanceBackend.run_instances


# EBS direct: moto reads what was made through it in the same account, in any order and by any token.


class _Refused(ServiceException):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.Message = reason
        self.Reason = reason


def _opened(self: EBSResponse) -> EBSSnapshot:
    """The content of a snapshot that the account owns, or that is shared with it; public is not enough."""
    wanted = self._get_param("SnapshotId")
    for snapshot in _snapshots(self.region, self.current_account):
        if snapshot.id == wanted:
            if self.current_account not in {snapshot.owner_id, *snapshot.create_volume_permission_userids}:
                raise _Refused("AccessDeniedException", "UNAUTHORIZED_ACCOUNT")
            return _content(snapshot)
    raise _Refused("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND")


def _list_blocks(self: EBSResponse) -> ActionResult:
    content = _opened(self)
    start = int(self._get_param("NextToken") or self._get_param("StartingBlockIndex") or 0)
    most = int(self._get_param("MaxResults") or 10_000)
    numbers = [number for number in sorted(content.blocks) if number >= start]
    shown = [
        {"BlockIndex": number, "BlockToken": content.blocks[number].block_token} for number in islice(numbers, most)
    ]
    answer = {"Blocks": shown, "VolumeSize": content.volume_size, "BlockSize": BLOCK, "ExpiryTime": utcnow()}
    return ActionResult(answer | ({"NextToken": str(numbers[most])} if len(numbers) > most else {}))


def _get_block(self: EBSResponse) -> ActionResult:
    block = _opened(self).blocks.get(int(self._get_param("BlockIndex")))
    if block is None or block.block_token != self._get_param("BlockToken"):
        raise _Refused("ValidationException", "INVALID_BLOCK_TOKEN")
    return ActionResult(
        {
            "DataLength": len(block.block_data),
            "BlockData": block.block_data,
            "Checksum": base64.b64encode(hashlib.sha256(block.block_data).digest()).decode(),
            "ChecksumAlgorithm": "SHA256",
        }
    )


def _start_snapshot(self: Blocks, volume_size: int, tags: Any, description: str) -> EBSSnapshot:
    made = _original_start_snapshot(self, volume_size, tags, description)
    self.ec2_backend.snapshots[made.snapshot_id].status = "pending"
    return made


_original_start_snapshot = Blocks.start_snapshot


def _complete_snapshot(self: Blocks, snapshot_id: str) -> str:
    self.ec2_backend.snapshots[snapshot_id].status = "completed"
    return _original_complete_snapshot(self, snapshot_id)


_original_complete_snapshot = Blocks.complete_snapshot

REPLACEMENTS: tuple[tuple[Any, str, Any], ...] = (
    (ElasticBlockStore, "describe_snapshots", _describe_snapshots),
    (ElasticBlockStore, "copy_snapshot", _copy_encrypted),
    (EBSBackend, "copy_snapshot", _copy_snapshot),
    (AmiBackend, "describe_images", _describe_images),
    (AmisResponse, "register_image", _register_image),
    (AmisResponse, "copy_image", _copy_image),
    (Ami, "block_device_mappings", property(_mappings)),
    (InstanceBackend, "run_instances", _run_instances),
    (EBSResponse, "list_snapshot_blocks", _list_blocks),
    (EBSResponse, "get_snapshot_block", _get_block),
    (Blocks, "start_snapshot", _start_snapshot),
    (Blocks, "complete_snapshot", _complete_snapshot),
)
"""Owner, name and what stands there instead."""
