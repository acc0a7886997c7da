"""Runs inside the sandbox and tries to get out of it: one function per way, each in a process of its own.

A way that worked returns something true, which says what it came to; one that failed raises or returns nothing. The
program is given what there is outside as JSON, and prints as JSON what every way came to. It imports nothing but the
standard library, since any Python has to run it.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import platform
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET = 0x10000000, 0x00020000, 0x40000000
PATIENCE_S = 5

Way = Callable[[dict[str, Any]], object]
WAYS: dict[str, Way] = {}


def way(function: Way) -> Way:
    WAYS[function.__name__] = function
    return function


def called(result: int) -> int:
    """The result of a call of the C library. Raises OSError where it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(x86: int, generic: int, *arguments: Any) -> int:
    """A call of the kernel, by its number on x86-64 and on the others."""
    return called(LIBC.syscall(ctypes.c_long(x86 if X86 else generic), *map(_word, arguments)))


def _word(value: Any) -> Any:
    return ctypes.c_long(value) if isinstance(value, int) else value


def read(path: str | Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(65_536)


def overwrite(path: str | Path) -> bool:
    """Open something for writing, and leave it as it is."""
    os.close(os.open(path, os.O_WRONLY))
    return True


def make(path: str | Path) -> bool:
    with open(path, "x") as file:
        file.write("escaped")
    return True


# -- reading ------------------------------------------------------------------------------------------------------


@way
def read_the_users_keys(outside: dict[str, Any]) -> object:
    return read(Path(outside["home"], ".ssh", "id_ed25519"))


@way
def list_the_home_directory(outside: dict[str, Any]) -> object:
    return [name for name in os.listdir(outside["real_home"]) if name not in outside["shown"]]


@way
def read_the_shadow_file(outside: dict[str, Any]) -> object:
    return read("/etc/shadow")


@way
def read_the_password_file(outside: dict[str, Any]) -> object:
    return read("/etc/passwd")


@way
def list_roots_home(outside: dict[str, Any]) -> object:
    return [name for name in os.listdir("/root") if name not in outside["shown"]]


@way
def read_a_file_beside_the_project(outside: dict[str, Any]) -> object:
    return read(Path(outside["folder"], "secret"))


@way
def read_the_environment_of_the_first_process(outside: dict[str, Any]) -> object:
    return outside["canary"].encode() in read("/proc/1/environ")


@way
def read_the_environment_of_any_process(outside: dict[str, Any]) -> object:
    return outside["canary"].encode() in _of_all_processes("environ")


def _of_all_processes(name: str) -> bytes:
    said = b""
    for entry in Path("/proc").glob(f"[0-9]*/{name}"):
        try:
            said += read(entry)
        except OSError:
            continue
    return said


@way
def read_by_the_root_of_the_first_process(outside: dict[str, Any]) -> object:
    return read("/proc/1/root/etc/shadow")


@way
def read_by_the_folder_of_the_first_process(outside: dict[str, Any]) -> object:
    return read(f"/proc/1/cwd{outside['folder']}/secret")


@way
def see_a_process_of_the_host(outside: dict[str, Any]) -> object:
    return outside["marker"][::-1].encode() in _of_all_processes("cmdline")


@way
def read_an_inherited_descriptor(outside: dict[str, Any]) -> object:
    said = b""
    for number in range(3, 256):
        try:
            said += os.pread(number, 4096, 0)
        except OSError:
            continue
    return outside["canary"].encode() in said


@way
def read_shared_memory_of_the_host(outside: dict[str, Any]) -> object:
    return read(f"/dev/shm/{outside['shm']}")


@way
def attach_system_v_memory_of_the_host(outside: dict[str, Any]) -> object:
    return outside["sysv_key"] and called(LIBC.shmget(outside["sysv_key"], 0, 0)) + 1


@way
def read_a_key_of_the_login(outside: dict[str, Any]) -> object:
    found = syscall(250, 219, 10, -3, b"user", outside["key"].encode(), 0)  # search the session's keyring
    return found > 0


@way
def make_a_key(outside: dict[str, Any]) -> object:
    return syscall(248, 217, b"user", b"swarmtui-escaped", b"x", 1, -3)


@way
def read_the_kernel_log(outside: dict[str, Any]) -> object:
    said = ctypes.create_string_buffer(4096)
    return called(LIBC.klogctl(3, said, 4096)) > 0


@way
def read_the_kernel_log_by_its_device(outside: dict[str, Any]) -> object:
    file = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    return os.read(file, 4096)


@way
def read_the_machines_memory(outside: dict[str, Any]) -> object:
    for name in ("mem", "kmem", "port"):
        if os.path.exists(f"/dev/{name}"):
            return read(f"/dev/{name}")
    return read("/proc/kcore")


@way
def open_a_file_by_its_handle(outside: dict[str, Any]) -> object:
    handle = ctypes.create_string_buffer(struct.pack("IiQ", 8, 1, 2) + bytes(128))
    return syscall(304, 265, os.open("/", os.O_RDONLY), handle, os.O_RDONLY)


# -- processes of the host ------------------------------------------------------------------------------------------


@way
def signal_a_process_of_the_host(outside: dict[str, Any]) -> object:
    os.kill(outside["pid"], signal.SIGTERM)
    return True


@way
def signal_everything(outside: dict[str, Any]) -> object:
    os.kill(-1, signal.SIGCONT)  # the witness counts those who were told to go on
    return False


@way
def trace_a_process_of_the_host(outside: dict[str, Any]) -> object:
    return called(LIBC.ptrace(ctypes.c_long(0x4206), ctypes.c_long(outside["pid"]), None, None)) == 0  # PTRACE_SEIZE


@way
def read_the_memory_of_a_process_of_the_host(outside: dict[str, Any]) -> object:
    return read(f"/proc/{outside['pid']}/maps")


@way
def open_a_process_of_the_host(outside: dict[str, Any]) -> object:
    return syscall(434, 434, outside["pid"], 0)


@way
def limit_a_process_of_the_host(outside: dict[str, Any]) -> object:
    return resource.prlimit(outside["pid"], resource.RLIMIT_NOFILE)


@way
def be_spared_when_memory_is_short(outside: dict[str, Any]) -> object:
    Path("/proc/self/oom_score_adj").write_text("-1000")
    return True


@way
def run_before_all_others(outside: dict[str, Any]) -> object:
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    return True


@way
def run_in_real_time(outside: dict[str, Any]) -> object:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    return True


@way
def raise_a_limit(outside: dict[str, Any]) -> object:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard + 1))
    return True


# -- privileges and namespaces --------------------------------------------------------------------------------------


@way
def become_root(outside: dict[str, Any]) -> object:
    os.setuid(0)
    return True


@way
def join_other_groups(outside: dict[str, Any]) -> object:
    os.setgroups([0])
    return True


@way
def have_capabilities(outside: dict[str, Any]) -> object:
    status = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return any(int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))


@way
def gain_privileges_by_executing(outside: dict[str, Any]) -> object:
    return "NoNewPrivs:\t0" in Path("/proc/self/status").read_text()


@way
def run_a_setuid_program(outside: dict[str, Any]) -> object:
    before = os.geteuid()
    script = "grep Uid: /proc/self/status"
    for program in ("su", "sudo", "pkexec"):
        if shutil.which(program):
            ran = subprocess.run(
                [program, "-c", script], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
            if ran.returncode == 0 and f"\t{before}\t{before}" not in ran.stdout:
                return ran.stdout
    return False


@way
def make_a_setuid_program_on_the_host(outside: dict[str, Any]) -> object:
    path = Path("setuid")
    path.write_bytes(b"#!/bin/sh\n")
    path.chmod(0o6755)
    return path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)


@way
def make_a_setuid_program_in_one_go(outside: dict[str, Any]) -> object:
    os.close(os.open("setuid-at-once", os.O_WRONLY | os.O_CREAT, 0o4755))
    return Path("setuid-at-once").stat().st_mode & (stat.S_ISUID | stat.S_ISGID)


@way
def make_a_user_namespace(outside: dict[str, Any]) -> object:
    return called(LIBC.unshare(CLONE_NEWUSER)) == 0


@way
def make_a_user_namespace_with_a_child(outside: dict[str, Any]) -> object:
    pid = syscall(56, 220, CLONE_NEWUSER | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return True


@way
def make_a_user_namespace_the_new_way(outside: dict[str, Any]) -> object:
    arguments = ctypes.create_string_buffer(struct.pack("11Q", CLONE_NEWUSER, 0, 0, 0, signal.SIGCHLD, *[0] * 6))
    pid = syscall(435, 435, arguments, 88)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return True


@way
def make_a_mount_namespace(outside: dict[str, Any]) -> object:
    return called(LIBC.unshare(CLONE_NEWNS)) == 0


@way
def make_a_network_namespace(outside: dict[str, Any]) -> object:
    return called(LIBC.unshare(CLONE_NEWNET)) == 0


@way
def join_the_namespaces_of_the_first_process(outside: dict[str, Any]) -> object:
    worked = []
    for name in ("user", "mnt", "net", "pid"):
        if os.readlink(f"/proc/1/ns/{name}") != os.readlink(f"/proc/self/ns/{name}"):
            worked.append(called(LIBC.setns(os.open(f"/proc/1/ns/{name}", os.O_RDONLY), 0)))
    return worked


@way
def mount(outside: dict[str, Any]) -> object:
    return called(LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None)) == 0


@way
def mount_the_new_way(outside: dict[str, Any]) -> object:
    return syscall(430, 430, b"tmpfs", 0)  # fsopen


@way
def make_the_system_writable(outside: dict[str, Any]) -> object:
    return called(LIBC.mount(b"none", b"/usr", None, 0x1020, None)) == 0  # MS_REMOUNT | MS_BIND


@way
def uncover_what_a_mount_hides(outside: dict[str, Any]) -> object:
    return any(LIBC.umount2(path, 2) == 0 for path in (b"/proc/sys", b"/proc", b"/ws/.git", b"/dev", b"/tmp"))


@way
def change_the_root(outside: dict[str, Any]) -> object:
    os.chroot("/tmp")
    return True


@way
def swap_the_root(outside: dict[str, Any]) -> object:
    return syscall(155, 41, b"/tmp", b"/tmp") == 0


# -- network --------------------------------------------------------------------------------------------------------


def _connected(family: int, address: Any, kind: int = socket.SOCK_STREAM) -> bool:
    with socket.socket(family, kind) as made:
        made.settimeout(1)
        made.connect(address)
    return True


@way
def connect_to_the_hosts_loopback(outside: dict[str, Any]) -> object:
    return _connected(socket.AF_INET, ("127.0.0.1", outside["tcp"]))


@way
def connect_to_the_hosts_address(outside: dict[str, Any]) -> object:
    return _connected(socket.AF_INET, (outside["address"], outside["tcp"]))


@way
def connect_by_ipv6(outside: dict[str, Any]) -> object:
    return _connected(socket.AF_INET6, ("::1", outside["tcp"]))


@way
def connect_to_the_metadata_service(outside: dict[str, Any]) -> object:
    return _connected(socket.AF_INET, ("169.254.169.254", 80))


@way
def send_a_datagram(outside: dict[str, Any]) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.sendto(b"escaped", ("127.0.0.1", outside["udp"]))  # arrives nowhere: the witness decides
    return False


@way
def send_a_datagram_away(outside: dict[str, Any]) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.sendto(b"escaped", ("192.0.2.1", 53))
    return True


@way
def resolve_a_name(outside: dict[str, Any]) -> object:
    return socket.getaddrinfo("example.org", 80)


@way
def connect_to_an_abstract_socket(outside: dict[str, Any]) -> object:
    return _connected(socket.AF_UNIX, "\0" + outside["abstract"])


@way
def connect_to_a_socket_outside(outside: dict[str, Any]) -> object:
    return _connected(socket.AF_UNIX, outside["socket"])


@way
def connect_to_a_service_of_the_system(outside: dict[str, Any]) -> object:
    places = ("/run/dbus/system_bus_socket", "/run/docker.sock", "/var/run/docker.sock", "/run/systemd/private")
    return [path for path in places if os.path.exists(path)]


@way
def open_a_raw_socket(outside: dict[str, Any]) -> object:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@way
def open_a_packet_socket(outside: dict[str, Any]) -> object:
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300)


@way
def open_a_socket_to_the_hypervisor(outside: dict[str, Any]) -> object:
    return socket.socket(40, socket.SOCK_STREAM)  # AF_VSOCK knows no network namespace


@way
def open_a_socket_to_the_kernels_ciphers(outside: dict[str, Any]) -> object:
    return socket.socket(38, socket.SOCK_SEQPACKET)  # AF_ALG


@way
def give_the_loopback_another_address(outside: dict[str, Any]) -> object:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as made:
        body = struct.pack("BBBBi", socket.AF_INET, 24, 0, 0, 1) + struct.pack("HH4s", 8, 2, bytes([10, 9, 8, 7]))
        made.send(struct.pack("IHHII", 16 + len(body), 20, 0x505, 1, 0) + body)
        reply = made.recv(4096)
    return struct.unpack_from("i", reply, 16)[0] == 0


# -- writing --------------------------------------------------------------------------------------------------------


@way
def write_by_a_symbolic_link(outside: dict[str, Any]) -> object:
    Path("link").symlink_to(Path(outside["folder"], "victim"))
    return overwrite("link")


@way
def write_by_a_hard_link(outside: dict[str, Any]) -> object:
    os.link(Path(outside["project"], "source"), "hard")
    return overwrite("hard")


@way
def write_by_dots(outside: dict[str, Any]) -> object:
    return overwrite(f"/ws/..{outside['folder']}/victim")


@way
def make_a_file_by_dots(outside: dict[str, Any]) -> object:
    return make("/ws/../escaped")


@way
def move_the_work_folder(outside: dict[str, Any]) -> object:
    os.rename("/ws", "/tmp/ws")
    return True


@way
def write_to_the_project(outside: dict[str, Any]) -> object:
    return overwrite(Path(outside["project"], "source"))


@way
def make_a_file_in_the_project(outside: dict[str, Any]) -> object:
    return make(Path(outside["project"], "made"))


@way
def change_the_mode_of_the_projects_files(outside: dict[str, Any]) -> object:
    Path(outside["project"], "source").chmod(0o777)
    return True


@way
def change_the_times_of_the_projects_files(outside: dict[str, Any]) -> object:
    os.utime(Path(outside["project"], "source"), (0, 0))
    return True


@way
def write_a_hook_of_the_project(outside: dict[str, Any]) -> object:
    return make(Path(outside["project"], ".git", "hooks", "pre-commit"))


@way
def write_a_hook_of_a_writable_folder(outside: dict[str, Any]) -> object:
    return make(Path(outside["writable"], ".git", "hooks", "pre-commit"))


@way
def change_the_configuration_of_git(outside: dict[str, Any]) -> object:
    return overwrite(Path(outside["writable"], ".git", "config"))


@way
def swap_the_git_folder(outside: dict[str, Any]) -> object:
    os.rename(Path(outside["writable"], ".git"), Path(outside["writable"], "old-git"))
    return True


@way
def write_a_hook_of_a_repository_within(outside: dict[str, Any]) -> object:
    return make(Path(outside["writable"], "vendor", "part", ".git", "hooks", "pre-commit"))


@way
def make_settings_that_are_not_there_yet(outside: dict[str, Any]) -> object:
    return [name for name in outside["absent"] if _made(Path(outside["writable"], name))]


def _made(path: Path) -> bool:
    for attempt in (lambda: make(path / "made"), path.mkdir, lambda: make(path)):
        try:
            attempt()
        except OSError:
            continue
        return True
    return False


@way
def write_a_hook_of_the_work_folder(outside: dict[str, Any]) -> object:
    return make("/ws/.git/hooks/pre-commit")


@way
def write_to_the_system(outside: dict[str, Any]) -> object:
    return make("/usr/escaped") or make("/usr/bin/escaped")


@way
def write_to_the_settings_of_the_system(outside: dict[str, Any]) -> object:
    return make("/etc/escaped")


@way
def write_to_the_devices(outside: dict[str, Any]) -> object:
    return make("/dev/escaped")


@way
def write_to_the_root(outside: dict[str, Any]) -> object:
    return make("/escaped")


@way
def write_to_python(outside: dict[str, Any]) -> object:
    return make(Path(sys.prefix, "escaped"))


@way
def write_to_the_kernels_objects(outside: dict[str, Any]) -> object:
    return overwrite("/sys/power/state") or overwrite("/sys/kernel/uevent_helper")


@way
def make_a_control_group(outside: dict[str, Any]) -> object:
    os.mkdir("/sys/fs/cgroup/escaped")
    return True


@way
def say_what_runs_at_a_crash(outside: dict[str, Any]) -> object:
    return overwrite("/proc/sys/kernel/core_pattern")


@way
def set_a_setting_of_the_kernel(outside: dict[str, Any]) -> object:
    writable = [path for path in Path("/proc/sys").rglob("*") if path.is_file() and os.access(path, os.W_OK)]
    return [str(path) for path in writable if overwrite(path)][:5]


@way
def press_the_magic_key(outside: dict[str, Any]) -> object:
    return overwrite("/proc/sysrq-trigger")


@way
def write_to_any_file_of_proc(outside: dict[str, Any]) -> object:
    found = [path for path in Path("/proc").iterdir() if not path.name.isdigit() and path.is_file()]
    return [str(path) for path in found if os.access(path, os.W_OK)]


@way
def make_a_device(outside: dict[str, Any]) -> object:
    os.mknod("memory", stat.S_IFCHR | 0o666, os.makedev(1, 1))
    return True


@way
def make_a_disk(outside: dict[str, Any]) -> object:
    os.mknod("/tmp/disk", stat.S_IFBLK | 0o666, os.makedev(8, 0))
    return True


@way
def open_a_disk(outside: dict[str, Any]) -> object:
    return [name for name in os.listdir("/dev") if name.startswith(("sd", "vd", "nvme", "loop", "dm-", "fuse"))]


# -- the machine ----------------------------------------------------------------------------------------------------


@way
def set_the_time(outside: dict[str, Any]) -> object:
    time.clock_settime(time.CLOCK_REALTIME, time.time())
    return True


@way
def set_the_name_of_the_machine(outside: dict[str, Any]) -> object:
    socket.sethostname("escaped")
    return True


@way
def restart_the_machine(outside: dict[str, Any]) -> object:
    return called(LIBC.reboot(0)) == 0  # only says what Ctrl-Alt-Del does


@way
def load_another_kernel(outside: dict[str, Any]) -> object:
    return syscall(246, 104, 0, 0, None, 0) == 0


@way
def unload_a_module(outside: dict[str, Any]) -> object:
    return syscall(176, 106, b"swarmtui-no-such-module", 0) == 0


@way
def swap_to_a_file(outside: dict[str, Any]) -> object:
    return called(LIBC.swapon(b"/ws/swap", 0)) == 0


@way
def load_a_program_into_the_kernel(outside: dict[str, Any]) -> object:
    attributes = ctypes.create_string_buffer(struct.pack("IIII", 2, 4, 4, 1) + bytes(112))
    return syscall(321, 280, 0, attributes, 128)  # BPF_MAP_CREATE


@way
def measure_the_kernel(outside: dict[str, Any]) -> object:
    attributes = ctypes.create_string_buffer(struct.pack("IIQ", 1, 128, 0) + bytes(112))
    return syscall(298, 241, attributes, -1, 0, -1, 0)  # everything that CPU 0 does


@way
def go_around_filters_of_system_calls(outside: dict[str, Any]) -> object:
    return syscall(425, 425, 2, ctypes.create_string_buffer(120))  # io_uring_setup


@way
def handle_the_faults_of_the_kernel(outside: dict[str, Any]) -> object:
    return syscall(323, 282, 0)  # userfaultfd, of the kernel's accesses too


@way
def type_into_the_terminal(outside: dict[str, Any]) -> object:
    for character in b"escaped":
        fcntl.ioctl(0, 0x5412, bytes([character]))
    return True


@way
def open_the_terminal(outside: dict[str, Any]) -> object:
    return os.open("/dev/tty", os.O_RDWR)


def tried(function: Way, outside: dict[str, Any]) -> str:
    """What `function` came to: nothing if it failed. It has a process of its own and little time."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            os.close(reading)
            signal.alarm(PATIENCE_S)
            result = function(outside)
            if result:
                os.write(writing, repr(result)[:500].encode())
        except BaseException:  # noqa: BLE001 - whatever stops it, it did not get out
            code = 1
        os._exit(code)
    os.close(writing)
    with open(reading, "rb") as said:
        text = said.read().decode()
    os.waitpid(pid, 0)
    return text


def main() -> None:
    outside = json.loads(sys.argv[1])
    os.chdir(outside["work"])
    names = outside.get("ways") or list(WAYS)
    print(json.dumps({name: tried(WAYS[name], outside) for name in names}))


if __name__ == "__main__":
    main()
