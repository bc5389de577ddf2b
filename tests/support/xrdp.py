"""A real xrdp server, with a user whose sessions are X displays.

It runs in namespaces of its own for mounts and processes: its configuration, sockets and files of
process numbers stand at fixed paths, and no process of a session outlives it.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.certificates import Pair
from tests.support.require import missing, require
from tests.support.server_process import children
from tests.support.unix_user import new_user
from tests.support.waiting import POLL, free_port, listens, until
from tests.support.x_display import XDisplay

CONFIG, RUN = Path("/etc/xrdp"), Path("/run/xrdp")
XORG_MODULE = Path("/usr/lib/xorg/modules/libxorgxrdp.so")
ECHO = Path(__file__).with_name("xrdp_channel.py")
FUSERMOUNT = Path(__file__).with_name("fusermount.c")
API = XORG_MODULE.parents[2] / sysconfig.get_config_var("MULTIARCH") / "xrdp/libxrdpapi.so"
START_TIMEOUT = END_TIMEOUT = 20.0
"""Seconds."""
DISPLAYS = range(1000, 25000)
"""Numbers that no X server chooses by itself; Xvnc adds 5900 for its port."""
DISPLAYS_PER_SERVER = 10

SOUND_RATE = 44100 * 4
"""Bytes per second."""
SOUND_BLOCK = 8192
"""Bytes."""

LISTENERS = {
    "Xorg": {"autorun": "Xorg", "security_layer": "negotiate"},
    "Xvnc": {"autorun": "Xvnc", "security_layer": "negotiate"},
    "rdp": {"autorun": "Xorg", "security_layer": "rdp"},
    "asking": {"autorun": "", "security_layer": "negotiate"},
}
"""Names of ports, and their settings: the program that draws, or nothing if xrdp's own window asks
for it, and the security."""
XRDP = """\
[Globals]
ini_version=1
fork=true
port=tcp://127.0.0.1:{port}
tcp_nodelay=true
security_layer={security_layer}
crypt_level=high
certificate=/etc/xrdp/cert.pem
key_file=/etc/xrdp/key.pem
ssl_protocols=TLSv1.2, TLSv1.3
autorun={autorun}
allow_channels=true
allow_multimon=true
bitmap_cache=true
bitmap_compression=true
bulk_compression=true
max_bpp=32
new_cursors=true
use_fastpath=both
[Logging]
LogFile={directory}/log
LogLevel=INFO
EnableSyslog=false
[Channels]
rdpdr=true
rdpsnd=true
drdynvc=true
cliprdr=true
rail=true
ECHO=true
[Xorg]
name=Xorg
lib=libxup.so
username=ask
password=ask
ip=127.0.0.1
port=-1
code=20
[Xvnc]
name=Xvnc
lib=libvnc.so
username=ask
password=ask
ip=127.0.0.1
port=-1
"""
SESMAN = """\
[Globals]
ListenAddress=127.0.0.1
ListenPort={port}
EnableUserWindowManager=false
DefaultWindowManager=session.sh
ReconnectScript=reconnectwm.sh
[Security]
AllowRootLogin=false
MaxLoginRetry=4
AlwaysGroupCheck=false
[Sessions]
X11DisplayOffset={display}
MaxSessions={sessions}
KillDisconnected=false
Policy=Default
[Logging]
LogFile={directory}/log
LogLevel=INFO
EnableSyslog=false
[Xorg]
param=/usr/lib/xorg/Xorg
param=-config
param=xrdp/xorg.conf
param=-noreset
param=-nolisten
param=tcp
param=-logfile
param=.xorg.log
[Xvnc]
param=Xvnc
param=-bs
param=-nolisten
param=tcp
param=-localhost
param=-dpi
param=96
[Chansrv]
FuseMountName=thinclient_drives
FileUmask=077
[ChansrvLogging]
LogLevel=INFO
EnableSyslog=false
"""
SESSION = """\
#!/bin/sh
# A session shows a colour, lets the tests connect, and lasts until they open its FIFO.
xsetroot -solid '#204060'
xhost +local: >/dev/null
mkdir -p ~/sessions
mkfifo ~/sessions/new$DISPLAY && mv ~/sessions/new$DISPLAY ~/sessions/$DISPLAY
read -r _ <~/sessions/$DISPLAY
rm ~/sessions/$DISPLAY
"""
START = """\
mount --bind "$0/etc" /etc/xrdp && mount --bind "$0/run" /run/xrdp || exit
[ ! -d "$0/bin" ] || mount --bind "$0/bin" /usr/local/bin || exit
xrdp-sesman --nodaemon &
for listener in "$0"/etc/listener-*.ini; do
    xrdp --nodaemon --config "$listener" &
done
wait
"""


class Xrdp:
    """The server. Every one of its ports leads to the same sessions of one user: a session lasts
    until `end_sessions`, and whoever connects to it a second time with the same back end and the
    same colour depth sees it again, in the size that is then asked for."""

    def __init__(self, directory: Path, pair: Pair, user: str, password: str) -> None:
        self.user = user
        self.password = password
        self.log = directory / "log"
        self.sockets = directory / "run/sockdir"
        """Where those of the channels of sessions are."""
        self.ports = {name: free_port() for name in LISTENERS}
        self.home = Path(pwd.getpwnam(user).pw_dir)
        self._uid = pwd.getpwnam(user).pw_uid
        self._displays: list[XDisplay] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._sesman = free_port()
        self._first_display = secrets.choice(DISPLAYS)
        self._directory = directory
        self._write(pair)

    def parameters(self, port: str = "Xorg") -> dict[str, str]:
        """The parameters that log in through one of the ports."""
        return self.address(port) | {"username": self.user, "password": self.password}

    def address(self, port: str = "Xorg") -> dict[str, str]:
        """The parameters that name one of the ports."""
        return {"hostname": "127.0.0.1", "port": str(self.ports[port])}

    @property
    def pid(self) -> int:
        """The process of which all others of the server and its sessions descend."""
        assert self._process is not None
        return self._process.pid

    # ---- sessions

    async def display(self) -> XDisplay:
        """The display of the only session, once it has begun."""
        await until(self._sessions, "a session", timeout=2 * START_TIMEOUT)
        await until(lambda: len(self._sessions()) == 1, "one session", timeout=START_TIMEOUT)
        display = XDisplay(self._sessions()[0].name)
        self._displays.append(display)
        return display

    async def channel(
        self, display: XDisplay, name: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a channel of a session, `audio_out` or `audio_in`, as its PulseAudio module
        does; it accepts connections soon after the session has begun."""
        number = display.display.partition(":")[2].partition(".")[0]
        path = self.sockets / f"xrdp_chansrv_{name}_socket_{number}"
        async with asyncio.timeout(START_TIMEOUT):
            while True:
                with suppress(FileNotFoundError, ConnectionRefusedError):
                    return await asyncio.open_unix_connection(path)
                await asyncio.sleep(POLL)

    async def play(self, display: XDisplay, sound: bytes) -> None:
        """Play a sound in a session, as its PulseAudio module does. Clients get whole blocks of
        `SOUND_BLOCK` bytes, and not the rest.

        Args:
            display: that of the session.
            sound: 44100 samples per second, for each the left and the right channel, 16 bits each,
                little-endian.
        """
        _, writer = await self.channel(display, "audio_out")
        for start in range(0, len(sound), SOUND_BLOCK):
            block = sound[start : start + SOUND_BLOCK]
            writer.write(struct.pack("<II", 0, 8 + len(block)) + block)
            await asyncio.sleep(len(block) / SOUND_RATE)  # a clock paces real sound, too
        writer.close()
        await writer.wait_closed()

    def echo(self, display: XDisplay, channel: str, greeting: str, count: int = 1) -> None:
        """Start a program in a session that sends a greeting through a static channel, `count`
        times, and then what it receives; it ends with the session."""
        if not API.exists():
            missing("libxrdpapi is not installed")
        assert self._process is not None
        (first,) = children(self._process.pid)
        place = ("nsenter", f"--target={first}", "--mount")
        arguments = (str(API), channel, greeting, str(count))
        display.start(*place, sys.executable, str(ECHO), *arguments)

    def mount_files(self) -> None:
        """Let sessions mount the files that clients copy (FUSE), before the start."""
        program = self._directory / "bin/fusermount"
        program.parent.mkdir()
        compiler = require("gcc")
        subprocess.run([compiler, "-o", str(program), str(FUSERMOUNT)], check=True)
        program.chmod(0o4755)

    def run(self, *command: str) -> bytes:
        """Return the output of a command that runs as a program of the user's sessions."""
        assert self._process is not None
        (first,) = children(self._process.pid)
        place = ("nsenter", f"--target={first}", "--mount", "runuser", "-u", self.user, "--")
        done = subprocess.run([*place, *command], capture_output=True, check=True, timeout=20)
        return done.stdout

    def read(self, path: str) -> bytes:
        """Return the content of a file as a program of the user's sessions sees it."""
        return self.run("cat", path)

    async def end_sessions(self) -> None:
        """End all sessions and wait until no process of them is left, as if people logged out."""
        for display in self._displays:
            display.close()
        self._displays.clear()
        await until(self._has_ended, "the end of the sessions", timeout=END_TIMEOUT)

    def _has_ended(self) -> bool:
        for session in self._sessions():
            with suppress(OSError):  # nobody reads yet, or no longer
                os.close(os.open(session, os.O_WRONLY | os.O_NONBLOCK))
        return self._uid not in _uids_of_processes()

    def _sessions(self) -> list[Path]:
        """Return the FIFOs of the sessions, which are named as their displays."""
        return sorted(self.home.glob("sessions/:*"))

    # ---- life

    def start(self) -> None:
        """Listen."""
        command = (
            "setpriv", "--pdeathsig", "KILL",
            "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
        )  # fmt: skip
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "sh", "-c", START, str(self._directory)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT
        while not all(map(listens, (self._sesman, *self.ports.values()))):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "xrdp does not listen"
            time.sleep(POLL)

    def stop(self) -> None:
        """End the server and its sessions at once: the kernel ends a namespace with its first
        process."""
        if self._process is None:
            return
        for pid in children(self._process.pid):
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        for number in range(self._first_display, self._first_display + DISPLAYS_PER_SERVER):
            for left in (f"/tmp/.X{number}-lock", f"/tmp/.X11-unix/X{number}"):
                Path(left).unlink(missing_ok=True)

    def _write(self, pair: Pair) -> None:
        etc = self._directory / "etc"
        shutil.copytree(CONFIG, etc)
        self.sockets.mkdir(parents=True)
        self.sockets.chmod(0o3777)
        for name, text in (("cert.pem", pair.certificate), ("key.pem", pair.key)):
            (etc / name).unlink(missing_ok=True)  # a link to one of this machine
            (etc / name).write_text(text)
        (etc / "session.sh").write_text(SESSION)
        (etc / "session.sh").chmod(0o755)
        common = {"directory": self._directory}
        sesman = {
            "port": self._sesman,
            "display": self._first_display,
            "sessions": DISPLAYS_PER_SERVER,
        }
        (etc / "sesman.ini").write_text(SESMAN.format(**common, **sesman))
        for name, settings in LISTENERS.items():
            text = XRDP.format(**common, port=self.ports[name], **settings)
            (etc / f"listener-{name}.ini").write_text(text)


def _uids_of_processes() -> set[int]:
    """Return the users of the processes of this machine."""
    found = set()
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit():
                with suppress(OSError):  # it has ended
                    found.add(entry.stat().st_uid)
    return found


@contextmanager
def xrdp_server(pair: Pair, *, files: bool = False) -> Iterator[Xrdp]:
    """A running server with a user of its own and this certificate; only root can have one. With
    `files`, its sessions can mount the files that clients copy."""
    if os.geteuid() != 0:
        missing("an xrdp server of the test's own takes root")
    for program in ("xrdp", "xrdp-sesman", "setpriv", "unshare", "Xvnc", "xhost", "xsetroot"):
        require(program)
    if not XORG_MODULE.exists():
        missing("xorgxrdp is not installed")
    RUN.mkdir(exist_ok=True)  # where its sockets are mounted; systemd makes it
    directory = Path(tempfile.mkdtemp(prefix="guacr-xrdp-"))
    directory.chmod(0o755)
    try:
        with new_user() as (name, password):
            server = Xrdp(directory, pair, name, password)
            try:
                if files:
                    server.mount_files()
                server.start()
                yield server
            finally:
                server.stop()
    finally:
        shutil.rmtree(directory)
