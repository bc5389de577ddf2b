"""Denies system calls that a worker does not need, by a filter of the Linux kernel (seccomp).

It denies what starts programs, reaches the network or other processes, changes the attributes of
files (which Landlock does not restrict), and what has often had faults. All others are allowed:
FreeRDP's libraries change what they use from version to version.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Sequence

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
chmod 90 -
fchmod 91 52
fchmodat 268 53
fchmodat2 452 452
chown 92 -
fchown 93 55
lchown 94 -
fchownat 260 54
setxattr 188 5
lsetxattr 189 6
fsetxattr 190 7
setxattrat 463 463
removexattr 197 14
lremovexattr 198 15
fremovexattr 199 16
removexattrat 466 466
utime 132 -
utimes 235 -
futimesat 261 -
utimensat 280 88
truncate 76 45
setpriority 141 140
ioprio_set 251 30
sched_setparam 142 118
sched_setscheduler 144 119
sched_setaffinity 203 122
sched_setattr 314 274
shmget 29 194
shmat 30 196
shmctl 31 195
semget 64 190
semctl 66 191
semop 65 193
semtimedop 220 192
msgget 68 186
msgsnd 69 189
msgrcv 70 188
msgctl 71 187
mq_open 240 180
mq_unlink 241 181
"""
"""Names, and their numbers on the machines above."""
_CLONE, _CLONE3 = {"x86_64": 56, "aarch64": 220}, 435
_TGKILL = {"x86_64": 234, "aarch64": 131}
_PRLIMIT = {"x86_64": 302, "aarch64": 261}
_FCNTL = {"x86_64": 72, "aarch64": 25}
_IOCTL = {"x86_64": 16, "aarch64": 29}
_X32 = 0x40000000
"""System calls of x86-64 from this number on are others."""
_THREAD = 0x00010000
"""A flag of clone(2)."""
_OWNERS = (8, 10, 15)
"""F_SETOWN, F_SETSIG and F_SETOWN_EX: the kernel sends signals to the owner of a descriptor."""
_OWNERS_BY_IOCTL = (0x8901, 0x8902)
"""FIOSETOWN and SIOCSPGRP."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""Instructions of the filter's machine (BPF)."""
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, (16, 24)
"""Offsets in its input: of the call, the machine, and the low halves of the first arguments."""
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_DENY, _MISSING = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
"""The second lets the C library start threads by clone(2), whose flags a filter can see."""
_SET_SECCOMP, _FILTER = 22, 2
_INSTRUCTION = struct.Struct("HBBI")
_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def deny(*, may_execute: bool = False) -> bool:
    """Deny what a worker does not need. Return False if the system cannot. If it `may_execute`, it
    can become another program, which stays denied the rest.

    The process must not be able to gain privileges (PR_SET_NO_NEW_PRIVS) any more.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return False
    code = b"".join(_INSTRUCTION.pack(*line) for line in _filter(machine, may_execute))
    program = _Program(len(code) // _INSTRUCTION.size, code)
    return bool(_libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) == 0)


def _filter(machine: str, may_execute: bool) -> list[tuple[int, int, int, int]]:
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
    for number in _numbers(machine, may_execute):
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _DENY)]
    own = (os.getpid(),)
    return [
        *lines,
        # processes, but not threads
        *_by_argument(_CLONE[machine], 0, _ANY_BIT, (_THREAD,), _ALLOW, _DENY),
        # other processes
        *_by_argument(_TGKILL[machine], 0, _EQUAL, own, _ALLOW, _DENY),
        *_by_argument(_PRLIMIT[machine], 0, _EQUAL, (0, *own), _ALLOW, _DENY),
        *_by_argument(_FCNTL[machine], 1, _EQUAL, _OWNERS, _DENY, _ALLOW),
        *_by_argument(_IOCTL[machine], 1, _EQUAL, _OWNERS_BY_IOCTL, _DENY, _ALLOW),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _by_argument(
    call: int, place: int, test: int, values: Sequence[int], matched: int, otherwise: int
) -> list[tuple[int, int, int, int]]:
    """Return the instructions for a call that depends on one of its arguments: what to do if it
    passes a test with any of the values, and what otherwise."""
    count = len(values)
    return [
        (_EQUAL, 0, count + 3, call),
        (_LOAD, 0, 0, _ARGUMENTS[place]),
        *((test, count - at, 0, value) for at, value in enumerate(values)),
        (_RETURN, 0, 0, otherwise),
        (_RETURN, 0, 0, matched),
    ]


def _numbers(machine: str, may_execute: bool) -> list[int]:
    column = 1 + list(_ARCHITECTURES).index(machine)
    lines = [line.split() for line in _DENIED.strip().splitlines()]
    words = [words[column] for words in lines if not (may_execute and words[0] == "execve")]
    return [int(word) for word in words if word != "-"]
