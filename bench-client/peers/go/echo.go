// Echo server in Go: one goroutine per connection.
//
// Run: peer-go [-listen HOST:PORT] [-workers N] (two dashes work as well)
//
// Choices made for fairness:
//   - -workers is GOMAXPROCS, the number of threads that run goroutines;
//   - a plain 1024-byte read and write, as in every peer: io.Copy would splice
//     from socket to socket inside the kernel, which is a different program;
//   - keep-alive probes are off, sparing Go several system calls per accept that
//     no other peer makes; TCP_NODELAY needs no call, Go sets it by default;
//   - net takes the backlog from the kernel's maximum, so it is set afterwards;
//   - go.mod says go 1.19, so that newer toolchains do not listen on MPTCP.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

const (
	bufferSize  = 1024
	backlog     = 1024
	acceptRetry = 10 * time.Millisecond
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "listen on `HOST:PORT`")
	workers := flag.Int("workers", 1, "run goroutines on `N` threads")
	flag.Parse()
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
	for {
		conn, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			time.Sleep(acceptRetry)
			continue
		}
		go echo(conn)
	}
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

func echo(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, bufferSize)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err := conn.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func fail(status int, err error) {
	fmt.Fprintln(os.Stderr, "error:", err)
	os.Exit(status)
}
