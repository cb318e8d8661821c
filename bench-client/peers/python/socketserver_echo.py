"""Echo server on the standard library's socketserver: one thread per client.

Run: python3 socketserver_echo.py [--listen HOST:PORT] [--workers N]

Choices made for fairness:
- a plain ThreadingTCPServer, with a backlog of 1024 instead of 5 and daemon
  threads, which it then need not keep a list of;
- 256 KiB of stack per thread, as in peer-threads;
- plain recv and sendall of at most 1024 bytes, as in every peer;
- --workers is accepted and ignored: the interpreter lock admits one core.
"""

import threading
from socket import IPPROTO_TCP, TCP_NODELAY
from socketserver import BaseRequestHandler, ThreadingTCPServer

from peer_options import BACKLOG, BUFFER_SIZE, announce, parse

STACK_SIZE = 256 * 1024


class EchoHandler(BaseRequestHandler):
    def handle(self):
        sock = self.request
        try:
            sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            while data := sock.recv(BUFFER_SIZE):
                sock.sendall(data)
        except OSError:
            pass  # a client that fails is simply dropped; the server closes it


class EchoServer(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = BACKLOG


def main():
    EchoServer.address_family, address = parse("socketserver echo server")
    threading.stack_size(STACK_SIZE)
    with EchoServer(address, EchoHandler) as server:
        announce(server.socket)
        server.serve_forever()


if __name__ == "__main__":
    main()
