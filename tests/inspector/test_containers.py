"""Each container gives back the disk that was put into it, whoever wrote it."""

import random
import shutil
import struct
import subprocess

import pytest

from cloudigrade.inspector.containers import blocks, opened
from cloudigrade.inspector.containers.checksums import crc32c
from cloudigrade.inspector.reading import Content, Damaged, File, Unsupported
from tests.inspector import disks_in_containers as written
from tests.inspector.disks import MIB, Sparse, disk

QEMU = shutil.which("qemu-img")


def _raw():
    """Blocks that do not compress, blocks that do, and zeros; not a multiple of any block's size."""
    noise = random.Random(5).randbytes(300_000)
    return disk(9 * MIB + 3 * 512, [(0, b"boot"), (65536, noise), (5 * MIB - 700, noise), (9 * MIB, b"end" * 200)])


RAW = _raw()

WRITTEN = {
    "raw": lambda raw: raw,
    "qcow2": written.qcow2,
    "qcow2 version 2": lambda raw: written.qcow2(raw, version=2),
    "qcow2 compressed": lambda raw: written.qcow2(raw, compressed=True),
    "qcow2 small clusters": lambda raw: written.qcow2(raw, bits=9),
    "qcow2 large clusters": lambda raw: written.qcow2(raw, bits=21, compressed=True),
    "qcow2 dirty": lambda raw: written.qcow2(raw, features=1),
    "vhd fixed": written.vhd_fixed,
    "vhd dynamic": written.vhd_dynamic,
    "vhd small blocks": lambda raw: written.vhd_dynamic(raw, block=4096),
    "vhdx": written.vhdx,
    "vhdx sectors of 4096 bytes": lambda raw: written.vhdx(raw + bytes(-len(raw) % 4096), sector=4096),
    "vhdx large blocks": lambda raw: written.vhdx(raw, block=4 * MIB),
    "vmdk": written.vmdk,
    "vmdk small grains": lambda raw: written.vmdk(raw, grain=4096),
    "vmdk stream": written.vmdk_stream,
}
CONVERTED = {
    "qcow2": ("qcow2",),
    "qcow2 version 2": ("qcow2", "-o", "compat=0.10"),
    "qcow2 compressed": ("qcow2", "-c"),
    "qcow2 small clusters": ("qcow2", "-o", "cluster_size=512"),
    "qcow2 large clusters": ("qcow2", "-c", "-o", "cluster_size=2M"),
    "qcow2 preallocated": ("qcow2", "-o", "preallocation=metadata"),
    "vhd fixed": ("vpc", "-o", "subformat=fixed"),
    "vhd fixed exact": ("vpc", "-o", "subformat=fixed,force_size=on"),
    "vhd dynamic": ("vpc", "-o", "subformat=dynamic"),
    "vhd dynamic exact": ("vpc", "-o", "subformat=dynamic,force_size=on"),
    "vhdx fixed": ("vhdx", "-o", "subformat=fixed,block_size=1M"),
    "vhdx dynamic": ("vhdx", "-o", "subformat=dynamic"),
    "vmdk": ("vmdk", "-o", "subformat=monolithicSparse"),
    "vmdk zeroed grains": ("vmdk", "-o", "subformat=monolithicSparse,zeroed_grain=on"),
    "vmdk stream": ("vmdk", "-o", "subformat=streamOptimized"),
}
REFUSED_CONVERTED = {
    "qcow2 compressed with zstd": (("qcow2", "-c", "-o", "compression_type=zstd"), "qcow2 compressed with zstd"),
    "qcow2 with sub-clusters": (("qcow2", "-o", "extended_l2=on"), "qcow2 with sub-clusters"),
    "vmdk flat": (("vmdk", "-o", "subformat=monolithicFlat"), "VMDK of several files"),
    "vmdk split": (("vmdk", "-o", "subformat=twoGbMaxExtentSparse"), "VMDK of several files"),
    "vdi": (("vdi",), "VDI"),
    "qed": (("qed",), "QED"),
}


@pytest.fixture
def convert(tmp_path):
    def convert(kind, *options):
        (tmp_path / "raw").write_bytes(RAW)
        command = ["qemu-img", "convert", "-q", "-f", "raw", "-O", kind, *options, "raw", "converted"]
        subprocess.run(command, cwd=tmp_path, check=True)
        return (tmp_path / "converted").read_bytes()

    return convert


def _writers():
    byte_by_byte = [pytest.param(lambda _, write=write: write(RAW), id=name) for name, write in WRITTEN.items()]
    by_qemu = [
        pytest.param(lambda convert, options=options: convert(*options), id=f"qemu-img {name}")
        for name, options in CONVERTED.items()
    ]
    return byte_by_byte + (by_qemu if QEMU else [])


@pytest.mark.parametrize("write", _writers())
def test_every_container_gives_back_its_disk(write, convert):
    found = opened(Content(write(convert)))

    content = found.read(0, found.size)
    assert content[: len(RAW)] == RAW
    assert not any(content[len(RAW) :]), "a format may round the disk up, to what a cylinder or sector holds"
    for offset, length in ((0, 4), (65535, 2), (MIB - 1, 3 * MIB), (5 * MIB - 701, 4), (len(RAW) - 1, 1), (7, 0)):
        assert found.read(offset, length) == RAW[offset : offset + length]


@pytest.mark.parametrize("write", _writers())
def test_no_container_reads_beyond_its_disk(write, convert):
    found = opened(Content(write(convert)))

    for offset, length in ((found.size, 1), (found.size - 1, 2), (-1, 1), (0, -1)):
        with pytest.raises(Damaged):
            found.read(offset, length)


def _refusals():
    small = RAW[: 2 * MIB]
    two_files = written.descriptor(4096, extents=2)
    child = written.descriptor(4096, parent="0badcafe")
    by_hand = {
        "qcow2 with a backing file": written.qcow2(small, backing=512),
        "encrypted qcow2": written.qcow2(small, encryption=2),
        "qcow of a version other than 2 and 3": written.qcow2(small, version=1),
        "qcow2 with an external data file": written.qcow2(small, features=1 << 2),
        "qcow2 compressed with zstd": written.qcow2(small, features=1 << 3, compression=1),
        "qcow2 with sub-clusters": written.qcow2(small, features=1 << 4),
        "qcow2 with an unknown feature": written.qcow2(small, features=1 << 5),
        "differencing VHD": written.vhd_dynamic(small, kind=4),
        "differencing VHDX": written.vhdx(small, flags=2),
        "VHDX with a log that was not replayed": written.vhdx(small, log=b"0123456789abcdef"),
        "VMDK of several files": written.vmdk(small, text=two_files),
        "VMDK that builds upon another": written.vmdk(small, text=child),
        "VDI": bytes(64) + b"\x7f\x10\xda\xbe" + bytes(512),
        "QED": b"QED\0" + bytes(512),
        "Parallels disk": b"WithoutFreeSpace" + bytes(512),
        "file compressed with xz": b"\xfd7zXZ\0" + bytes(512),
        "file compressed with gzip": b"\x1f\x8b\x08" + bytes(512),
        "archive": b"PK\x03\x04" + bytes(512),
    }
    hand = [pytest.param(lambda _, content=content: content, name, id=name) for name, content in by_hand.items()]
    qemu = [
        pytest.param(lambda convert, options=options: convert(*options), reason, id=f"qemu-img {name}")
        for name, (options, reason) in REFUSED_CONVERTED.items()
    ]
    return hand + (qemu if QEMU else [])


@pytest.mark.parametrize(("write", "reason"), _refusals())
def test_what_one_file_does_not_hold_is_refused_by_name(write, reason, convert):
    with pytest.raises(Unsupported) as caught:
        opened(Content(write(convert)))

    assert str(caught.value) == reason


def _changed(content, *changes):
    changed = bytearray(content)
    for offset, part in changes:
        changed[offset : offset + len(part)] = part
    return bytes(changed)


def _damages():
    small = RAW[: 2 * MIB]
    dynamic, fixed, extended = written.vhd_dynamic(small), written.vhd_fixed(small), written.vhdx(small)
    return {
        "qcow2: marked as corrupt": written.qcow2(small, features=2),
        "qcow2: impossible size of a cluster": _changed(written.qcow2(small), (20, struct.pack(">I", 8))),
        "qcow2: the table is too short for the disk": _changed(written.qcow2(small), (24, struct.pack(">Q", 1 << 45))),
        "VHD: wrong checksum": _changed(fixed, (-40, b"!")),
        "VHD: shorter than its disk": fixed[MIB:],
        "VHD: impossible type": written.vhd_fixed(small, kind=9),
        "VHD: without the header of a dynamic disk": _changed(dynamic, (512, b"x")),
        "VHD: wrong checksum of the header of a dynamic disk": _changed(dynamic, (600, b"x")),
        "VHDX: both headers are damaged": _changed(extended, (64 * 1024 + 9, b"x"), (128 * 1024 + 9, b"x")),
        "VHDX: both tables of regions are damaged": _changed(extended, (192 * 1024 + 9, b"x"), (256 * 1024 + 9, b"x")),
        "VHDX: without metadata": _changed(extended, (2 * MIB, b"x")),
        "VHDX: impossible size of a block or sector": written.vhdx(small, block=512 * 1024),
        "VMDK: impossible size of a grain": written.vmdk(small, grain=2048),
        "VMDK: without the footer that its header announces": written.vmdk_stream(small)[:-512],
    }


@pytest.mark.parametrize(("reason", "content"), _damages().items())
def test_what_contradicts_itself_is_damaged(reason, content):
    with pytest.raises(Damaged) as caught:
        opened(Content(content))

    assert str(caught.value) == reason


def test_a_dynamic_vhd_survives_the_loss_of_its_footer_and_a_vhdx_that_of_a_header_and_of_a_table():
    dynamic = written.vhd_dynamic(RAW)[:-512] + bytes(512)
    extended = _changed(written.vhdx(RAW), (128 * 1024 + 9, b"x"), (192 * 1024 + 9, b"x"))

    assert opened(Content(dynamic)).read(0, len(RAW)) == RAW
    assert opened(Content(extended)).read(0, len(RAW)) == RAW


def test_of_two_headers_of_a_vhdx_the_newer_counts():
    log = b"0123456789abcdef"
    newer = _changed(written.vhdx(RAW, log=log), (64 * 1024, written.vhdx_header(3)))

    assert opened(Content(newer)).read(0, len(RAW)) == RAW


def test_a_vhdx_goes_on_behind_the_entry_that_follows_each_chunk():
    block, sector = 256 * MIB, 512
    chunk = (1 << 23) * sector // block
    table = [0] * (chunk + 2)
    table[chunk + 1] = 4 * MIB | 6
    size = (chunk + 1) * block
    start = bytearray(written.vhdx(b"", block=block))
    start[2 * MIB + 64 * 1024 + 8 : 2 * MIB + 64 * 1024 + 16] = struct.pack("<Q", size)
    start[3 * MIB : 3 * MIB + 8 * len(table)] = struct.pack(f"<{len(table)}Q", *table)
    file = Sparse(4 * MIB + block, [(0, bytes(start)), (4 * MIB, b"behind the chunk")])

    assert opened(file).read(chunk * block, 16) == b"behind the chunk"
    assert opened(file).read(0, 16) == bytes(16)


def test_a_checksum_of_vhdx_is_that_of_iscsi():
    assert crc32c(b"123456789") == 0xE306_9283


def test_a_raw_disk_comes_back_as_it_is():
    disk = Content(RAW)
    tiny = Content(b"")

    assert opened(disk) is disk
    assert opened(tiny) is tiny


def test_a_container_within_a_container_is_content():
    inner = written.qcow2(RAW[:MIB])
    outer = opened(Content(written.vhd_dynamic(inner)))

    assert outer.read(0, len(inner)) == inner


def test_a_qcow2_file_may_lack_the_zeros_of_its_last_cluster_but_no_more():
    content = written.qcow2(b"content".ljust(65536, b"\0") * 2)

    assert opened(Content(content[: -65536 + 7])).read(65536, 65536) == b"content".ljust(65536, b"\0")
    with pytest.raises(Damaged):
        opened(Content(content[: -65536 - 7])).read(65536, 65536)


def test_tables_and_compressed_blocks_are_read_once():
    file = Sparse(0, [(0, written.qcow2(RAW, compressed=True))])
    file.size = len(file.pieces[0][1])
    found = opened(file)
    found.read(0, 4)
    before = file.reads

    for _ in range(100):
        found.read(0, 4)

    assert file.reads == before


def test_what_is_kept_is_bounded():
    found = []

    def find(number):
        found.append(number)
        return bytes([number])

    recent = blocks.Recent(find, 2)

    assert [recent[number] for number in (1, 2, 1, 3, 1, 2)] == [b"\1", b"\2", b"\1", b"\3", b"\1", b"\2"]
    assert found == [1, 2, 3, 2]


def test_a_file_of_this_machine_is_read_as_any_other(tmp_path):
    (tmp_path / "disk.qcow2").write_bytes(written.qcow2(RAW))
    file = File(tmp_path / "disk.qcow2")

    assert opened(file).read(0, len(RAW)) == RAW
    file.close()
