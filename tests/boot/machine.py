"""A virtual machine that boots a unified kernel image from a disk and tells its TPM's registers and event log on its serial port."""

import base64
import os
import pathlib
import struct
import subprocess
import uuid
import zlib

from harness import running, wait_until

FILES = pathlib.Path(os.environ["OPENPCC_BOOT_FILES"]) if "OPENPCC_BOOT_FILES" in os.environ else None
CMDLINE = "console=ttyS0 quiet panic=1"
SECTOR, FIRST, ENTRIES = 512, 2048, 128 * 128

INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /proc /sys /dev
$b mount -t proc p /proc; $b mount -t sysfs s /sys; $b mount -t devtmpfs d /dev; $b mount -t securityfs x /sys/kernel/security
for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do echo "PCR $i $($b cat /sys/class/tpm/tpm0/pcr-sha256/$i)"; done
echo BEGIN-LOG; $b base64 /sys/kernel/security/tpm0/binary_bios_measurements; echo END-LOG
$b poweroff -f
"""


def only(pattern):
    (found,) = FILES.glob(pattern)
    return found


def make_initrd(folder):
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    (root / "bin/busybox").write_bytes(only("bin/busybox").read_bytes())
    (root / "init").write_text(INIT)
    for program in (root / "init", root / "bin/busybox"):
        program.chmod(0o755)
    names = "\n".join(str(path.relative_to(root)) for path in [root, *sorted(root.rglob("*"))])
    done = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "--reproducible"], cwd=root, input=names.encode(), stdout=subprocess.PIPE, check=True)
    (folder / "initrd").write_bytes(done.stdout)
    return folder / "initrd"


def make_uki(folder):
    (folder / "cmdline").write_text(CMDLINE)
    (folder / "osrel").write_text("ID=own\nVERSION_ID=1\n")
    sections = {".osrel": folder / "osrel", ".cmdline": folder / "cmdline", ".initrd": make_initrd(folder), ".linux": only("boot/vmlinuz-*")}
    command, at = ["objcopy"], 0x200000
    for name, path in sections.items():
        command += ["--add-section", f"{name}={path}", "--change-section-vma", f"{name}={at:#x}"]
        at += (path.stat().st_size // 0x100000 + 1) * 0x100000
    subprocess.run([*command, only("usr/lib/systemd/boot/efi/linuxx64.efi.stub"), folder / "uki.efi"], check=True)
    return folder / "uki.efi"


def make_disk(folder, uki):
    """A disk with a partition table and one FAT partition that holds the image where firmware looks."""
    volume = folder / "esp"
    volume.write_bytes(bytes(64 << 20))
    subprocess.run(["mkfs.vfat", "-F", "32", volume], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["mmd", "-i", volume, "::/EFI", "::/EFI/BOOT"], check=True)
    subprocess.run(["mcopy", "-i", volume, uki, "::/EFI/BOOT/BOOTX64.EFI"], check=True)
    sectors = FIRST + volume.stat().st_size // SECTOR + 34
    system = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b").bytes_le
    entry = system + uuid.UUID(int=7).bytes_le + struct.pack("<QQQ", FIRST, sectors - 35, 0) + "esp".encode("utf-16-le")
    entries = entry.ljust(ENTRIES, b"\0")

    def header(own, other, table):
        out = bytearray(struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, own, other, 34, sectors - 34, uuid.UUID(int=9).bytes_le,
                                    table, 128, 128, zlib.crc32(entries)))
        struct.pack_into("<I", out, 16, zlib.crc32(bytes(out)))
        return bytes(out).ljust(SECTOR, b"\0")

    protective = bytearray(SECTOR)
    protective[450] = 0xEE
    struct.pack_into("<II", protective, 454, 1, sectors - 1)
    protective[510:] = b"\x55\xaa"
    start = (bytes(protective) + header(1, sectors - 1, 2) + entries).ljust(FIRST * SECTOR, b"\0")
    (folder / "disk").write_bytes(start + volume.read_bytes() + entries + header(sectors - 1, 1, sectors - 33))
    return folder / "disk"


def boot(folder, disk):
    """(registers, event log) of one boot."""
    (folder / "vars").write_bytes(only("usr/share/OVMF/OVMF_VARS_4M.fd").read_bytes())
    (folder / "tpm").mkdir()
    socket, serial = folder / "tpm/socket", folder / "serial"
    with running(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder / 'tpm'}", "--ctrl", f"type=unixio,path={socket}"], folder / "swtpm.log"):
        wait_until(socket.exists, 20, "swtpm listens")
        machine = ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-m", "1G", "-nographic", "-no-reboot", "-nodefaults",
                   "-serial", f"file:{serial}", "-drive", f"if=pflash,format=raw,readonly=on,file={only('usr/share/OVMF/OVMF_CODE_4M.fd')}",
                   "-drive", f"if=pflash,format=raw,file={folder / 'vars'}", "-drive", f"if=none,id=d,format=raw,file={disk}", "-device",
                   "virtio-blk-pci,drive=d", "-chardev", f"socket,id=c,path={socket}", "-tpmdev", "emulator,id=t,chardev=c", "-device", "tpm-tis,tpmdev=t"]
        subprocess.run(machine, check=True, timeout=1500, stdout=subprocess.DEVNULL)
    text = serial.read_text(errors="replace").replace("\r", "")
    registers = {f"PCR{line.split()[1]}": line.split()[2].lower() for line in text.split("\n") if line.startswith("PCR ")}
    return registers, base64.b64decode(text.split("BEGIN-LOG\n")[1].split("END-LOG")[0])
