"""Denies system calls that a worker does not need, by a filter of the Linux kernel (seccomp).

It denies what starts programs, reaches the network or other processes, and what has often had
faults. All others are allowed: FreeRDP's libraries change what they use from version to version.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""As the kernel names them (AUDIT_ARCH)."""
_DENIED = """
execve 59 221
execveat 322 281
fork 57 -
vfork 58 -
ptrace 101 117
process_vm_readv 310 270
process_vm_writev 311 271
kill 62 129
tkill 200 130
rt_sigqueueinfo 129 138
rt_tgsigqueueinfo 297 240
pidfd_open 434 434
pidfd_send_signal 424 424
pidfd_getfd 438 438
socket 41 198
connect 42 203
bind 49 200
listen 50 201
accept 43 202
accept4 288 242
mount 165 40
umount2 166 39
pivot_root 155 41
chroot 161 51
open_tree 428 428
move_mount 429 429
fsopen 430 430
unshare 272 97
setns 308 268
bpf 321 280
perf_event_open 298 241
userfaultfd 323 282
io_uring_setup 425 425
add_key 248 217
request_key 249 218
keyctl 250 219
open_by_handle_at 304 265
"""
"""Names, and their numbers on the machines above."""
_CLONE, _CLONE3 = {"x86_64": 56, "aarch64": 220}, 435
_TGKILL = {"x86_64": 234, "aarch64": 131}
_X32 = 0x40000000
"""System calls of x86-64 from this number on are others."""
_THREAD = 0x00010000
"""A flag of clone(2)."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""Instructions of the filter's machine (BPF)."""
_NUMBER, _ARCHITECTURE, _FIRST = 0, 4, 16
"""Offsets in its input: of the call, the machine, and the first argument's low half."""
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_DENY, _MISSING = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
"""The second lets the C library start threads by clone(2), whose flags a filter can see."""
_SET_SECCOMP, _FILTER = 22, 2
_INSTRUCTION = struct.Struct("HBBI")
_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def deny() -> bool:
    """Deny what a worker does not need. Return False if the system cannot.

    The process must not be able to gain privileges (PR_SET_NO_NEW_PRIVS) any more.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return False
    code = b"".join(_INSTRUCTION.pack(*line) for line in _filter(machine))
    program = _Program(len(code) // _INSTRUCTION.size, code)
    return bool(_libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) == 0)


def _filter(machine: str) -> list[tuple[int, int, int, int]]:
    """Return the instructions: a code, how many to skip if it is true or false, and a number."""
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _DENY),
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _MISSING),
    ]
    for number in _numbers(machine):
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _DENY)]
    return [
        *lines,
        # processes, but not threads
        (_EQUAL, 0, 4, _CLONE[machine]),
        (_LOAD, 0, 0, _FIRST),
        (_ANY_BIT, 1, 0, _THREAD),
        (_RETURN, 0, 0, _DENY),
        (_RETURN, 0, 0, _ALLOW),
        # signals to other processes
        (_EQUAL, 0, 3, _TGKILL[machine]),
        (_LOAD, 0, 0, _FIRST),
        (_EQUAL, 1, 0, os.getpid()),
        (_RETURN, 0, 0, _DENY),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _numbers(machine: str) -> list[int]:
    column = 1 + list(_ARCHITECTURES).index(machine)
    words = [line.split()[column] for line in _DENIED.strip().splitlines()]
    return [int(word) for word in words if word != "-"]
