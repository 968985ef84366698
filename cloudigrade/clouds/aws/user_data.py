"""What a machine that looks at copies does when it starts: one pinned container, without privileges, then its end."""

import shlex
from collections.abc import Sequence
from typing import Final, NamedTuple

DEVICES: Final = tuple(f"/dev/xvdb{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")
"""Where the copies are, the root's first."""

_LONGEST_PULL: Final = 600  # seconds
_LONGEST_LOOK: Final = 2400
_LONGEST_LIFE: Final = 60  # minutes, however the script fares
_MIME: Final = """Content-Type: multipart/mixed; boundary="//"
MIME-Version: 1.0

--//
Content-Type: text/cloud-config; charset="us-ascii"

#cloud-config
cloud_final_modules:
- [scripts-user, always]

--//
Content-Type: text/x-shellscript; charset="us-ascii"

{script}
--//--
"""
# The disks are another's, so the container may do nothing: no capability, no user of the machine, no file to write but
# its own memory, and of the devices only those it is to read. Its group is that of block devices, by which it may.
_SCRIPT: Final = """#!/bin/bash
trap 'shutdown -h now' EXIT
shutdown -h +{life}
exec >/dev/console 2>&1
devices=()
for disk in {disks}; do
  for _ in {{1..120}}; do [ -b "$disk" ] && break; sleep 1; done
  devices+=(--device "$(readlink -f "$disk"):$disk:r")
done
group=$(stat -L -c %g {first})
timeout {pull} docker pull --quiet {container} || exit 1
timeout {look} docker run --rm --user "65534:$group" --cap-drop ALL --security-opt no-new-privileges \\
  --read-only --tmpfs /tmp:rw,noexec,nosuid,nodev,size=64m --pids-limit 256 --network bridge \\
  "${{devices[@]}}" --env AWS_DEFAULT_REGION={region} --env RESULTS_BUCKET_NAME={bucket} \\
  {container} -c aws {targets}
sleep 10
"""


class Look(NamedTuple):
    """What is to be looked at, with what, and where the result goes."""

    image: str
    devices: Sequence[str]
    container: str
    """Pinned by its digest."""
    bucket: str
    region: str


def written(look: Look) -> str:
    """The user data, without any secret: the machine's role is all that it needs."""
    script = _SCRIPT.format(
        life=_LONGEST_LIFE,
        pull=_LONGEST_PULL,
        look=_LONGEST_LOOK,
        disks=" ".join(look.devices),
        first=look.devices[0],
        container=shlex.quote(look.container),
        region=shlex.quote(look.region),
        bucket=shlex.quote(look.bucket),
        targets=" ".join(f"-t {shlex.quote(look.image)} {device}" for device in look.devices),
    )
    return _MIME.format(script=script)
