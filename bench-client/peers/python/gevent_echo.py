"""Echo server on gevent: one greenlet per client.

Run: python3 gevent_echo.py [--listen HOST:PORT] [--workers N]

Choices made for fairness:
- gevent's own StreamServer and cooperative sockets, with no monkey patching, and
  its defaults but for the backlog;
- plain recv and sendall of at most 1024 bytes, as in every peer;
- --workers is accepted and ignored: gevent runs on one core.
"""

from socket import IPPROTO_TCP, TCP_NODELAY

from gevent.server import StreamServer

from peer_options import BACKLOG, BUFFER_SIZE, announce, parse


def echo(sock, _address):
    try:
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        while data := sock.recv(BUFFER_SIZE):
            sock.sendall(data)
    except OSError:
        pass  # a client that fails is simply dropped; the server closes it


def main():
    _family, address = parse("gevent echo server")
    server = StreamServer(address, echo, backlog=BACKLOG)
    server.start()
    announce(server.socket)
    server.serve_forever()


if __name__ == "__main__":
    main()
