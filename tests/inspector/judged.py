"""Verdicts on systems of given files, for tests of the rule."""

from cloudigrade.inspector.evidence.gather import gather
from cloudigrade.inspector.system import System
from cloudigrade.inspector.verdict import Examined, Seen, judge
from cloudigrade.inspector.volume import Uncovered
from tests.inspector import rpm_databases as made
from tests.inspector.evidence_files import DictFiles, os_release

RPM = "/var/lib/rpm/rpmdb.sqlite"
REPO = "/etc/yum.repos.d/redhat.repo"
PRODUCT = "/etc/pki/product-default/479.pem"
OS = "/etc/os-release"


def database(*headers):
    return {RPM: made.sqlite([header for part in headers for header in (part if isinstance(part, list) else [part])])}


def examined(files, root="/dev/sda1", uncovered=()):
    files = DictFiles(files)
    return Examined(System(root, files, (root,), uncovered=uncovered), gather(files))


def seen(*systems, uncovered=()):
    return Seen(("/dev/sda",), (), systems, tuple(item.system.root for item in systems), uncovered)


def verdict_on(files):
    return judge(seen(examined(files)))


RELEASE = {OS: os_release("rhel", "9.4")}
DEBIAN = {OS: os_release("debian", "12")}
LOCKED = Uncovered("/dev/sda2", "encrypted (LUKS)")
