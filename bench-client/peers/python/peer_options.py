"""What the Python peers share: their command line, their constants and the line
that says a server is ready. Not a program; imported by the two echo servers.

For fairness: argparse ends the process with status 2 on malformed options, as
every peer does, and --workers is accepted and ignored, since the interpreter
runs Python code on one core at a time anyway.
"""

import argparse
import socket

BUFFER_SIZE = 1024
BACKLOG = 1024


def parse(description):
    """The address to listen on, as (family, (host, port))."""
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument(
        "--listen", type=_address, default="127.0.0.1:0", metavar="HOST:PORT"
    )
    parser.add_argument(
        "--workers", type=_positive, default=1, metavar="N", help="ignored"
    )
    return parser.parse_args().listen


def announce(server_socket):
    """Tell whoever started the server where it listens."""
    host, port = server_socket.getsockname()[:2]
    if ":" in host:
        host = f"[{host}]"
    print(f"listening on {host}:{port}", flush=True)


def _address(text):
    host, colon, port = text.rpartition(":")
    try:
        if not (host and colon and 0 <= int(port) <= 65535):
            raise ValueError("not HOST:PORT")
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None
    family, _, _, _, address = found[0]
    return family, address[:2]


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: not a positive number")
    return number
