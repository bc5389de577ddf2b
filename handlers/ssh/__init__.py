"""The SSH protocol: a shell or a command on a remote host, in a terminal."""

from handlers.ssh.handler import SshHandler

__all__ = ["SshHandler"]
