// HTTP server in Go: net/http with a handler of its own, no mux. HTTPS with a
// certificate.
//
// Run: peer-go-http [-listen HOST:PORT] [-workers N] [-chain FILE -key FILE]
// (two dashes work as well)
//
// Choices made for fairness:
//   - -workers is GOMAXPROCS, and the listening socket is that of the echo server:
//     no keep-alive probes, a backlog of 1024;
//   - Content-Type is set, since Go guesses it from the body otherwise, and so is
//     Content-Length, since Go sends what is longer than 2 KiB in chunks otherwise;
//   - no timeouts, as net/http has none unless told;
//   - TLS is Go's own with its defaults, but for HTTP/2, which nobody asks for.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

const backlog = 1024

var (
	hello = []byte("Hello, world!")
	large = []byte(strings.Repeat("0123456789abcdef", 4096))
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "listen on `HOST:PORT`")
	workers := flag.Int("workers", 1, "run goroutines on `N` threads")
	chain := flag.String("chain", "", "speak TLS with the certificate chain in `FILE`, PEM")
	key := flag.String("key", "", "with the key in `FILE`, PEM")
	flag.Parse()
	if (*chain == "") != (*key == "") {
		fail(2, errors.New("-chain and -key belong together"))
	}
	if flag.NArg() > 0 {
		fail(2, fmt.Errorf("unexpected argument %q", flag.Arg(0)))
	}
	if *workers < 1 {
		fail(2, errors.New("-workers must be positive"))
	}
	if _, err := net.ResolveTCPAddr("tcp", *address); err != nil {
		fail(2, err)
	}
	runtime.GOMAXPROCS(*workers)

	listener, err := listen(*address)
	if err != nil {
		fail(1, err)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	server := http.Server{Handler: http.HandlerFunc(answer)}
	if *chain == "" {
		fail(1, server.Serve(listener))
	}
	// Not nil and empty: no HTTP/2.
	server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	fail(1, server.ServeTLS(listener, *chain, *key))
}

func listen(address string) (net.Listener, error) {
	config := net.ListenConfig{KeepAlive: -1}
	listener, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	raw, err := listener.(*net.TCPListener).SyscallConn()
	if err != nil {
		return nil, err
	}
	var listenErr error
	err = raw.Control(func(fd uintptr) {
		listenErr = syscall.Listen(int(fd), backlog)
	})
	if err == nil {
		err = listenErr
	}
	return listener, err
}

func answer(response http.ResponseWriter, request *http.Request) {
	body := hello
	if request.URL.Path == "/64k" {
		body = large
	}
	header := response.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	response.Write(body)
}

func fail(status int, err error) {
	fmt.Fprintln(os.Stderr, "error:", err)
	os.Exit(status)
}
