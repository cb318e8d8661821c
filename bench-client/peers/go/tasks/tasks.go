// What starting and waking a goroutine costs.
//
// Run: tasks-go -time spawn|asleep|working (two dashes work as well)
//
// Nothing ties a goroutine to a thread: one that is woken may go on where the
// waker ran.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// Until the scheduler is warm.
	warmUp   = 200 * time.Millisecond
	measured = 800 * time.Millisecond
	// Between two looks at the clock.
	batch = 100
	// How long one that works computes before it lets others run.
	computing = time.Microsecond
)

func main() {
	timed := flag.String("time", "", "time `WHAT`: spawn, asleep or working")
	flag.Parse()
	runtime.GOMAXPROCS(2)
	var nanos float64
	switch *timed {
	case "spawn":
		runtime.GOMAXPROCS(1)
		nanos = spawn()
	case "asleep":
		nanos = roundTrip()
	case "working":
		nanos = whileWorking(roundTrip)
	default:
		fmt.Fprintln(os.Stderr, "error: give -time spawn, asleep or working")
		os.Exit(2)
	}
	fmt.Printf("%.1f ns\n", nanos)
}

// Go has no handle to join: a channel is how one waits for a goroutine.
func spawn() float64 {
	done := make(chan struct{}, 1)
	return repeat(func() {
		go func() { done <- struct{}{} }()
		<-done
	})
}

func roundTrip() float64 {
	ping, pong := make(chan struct{}, 1), make(chan struct{}, 1)
	go func() {
		for range ping {
			pong <- struct{}{}
		}
	}()
	defer close(ping)
	return repeat(func() {
		ping <- struct{}{}
		<-pong
	})
}

func whileWorking(timing func() float64) float64 {
	var done int32
	for worker := 0; worker < 2; worker++ {
		go func() {
			for atomic.LoadInt32(&done) == 0 {
				began := time.Now()
				for time.Since(began) < computing {
				}
				runtime.Gosched()
			}
		}()
	}
	defer atomic.StoreInt32(&done, 1)
	return timing()
}

func repeat(once func()) float64 {
	var nanos float64
	for _, length := range []time.Duration{warmUp, measured} {
		began, count := time.Now(), 0
		for time.Since(began) < length {
			for i := 0; i < batch; i++ {
				once()
			}
			count += batch
		}
		nanos = float64(time.Since(began).Nanoseconds()) / float64(count)
	}
	return nanos
}
