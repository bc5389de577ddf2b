"""`python -m handlers.rdp.worker DESCRIPTOR ENGINE`: the zygote, started by the daemon."""

import socket
import sys

from handlers.rdp.worker.zygote import serve

serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
