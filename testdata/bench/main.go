// Command bench measures this client against hand-written net/http code and against twilio-go, the
// official client. It prints a table. With -write, it writes the table to the README.md beside it,
// and a chart to results.svg.
//
// It is a module of its own so that the client does not depend on twilio-go.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime/pprof"
	"strings"
	"time"
)

const (
	listed      = 20_000
	listPairs   = 25
	calls       = 100 // fetches or creates in a measurement
	callPairs   = 100
	peakRounds  = 5
	buildRounds = 3
)

func main() {
	write := flag.Bool("write", false, "keep the results in README.md and results.svg")
	only := flag.String("only", "", "measure just this: list, fetch, create, memory or build")
	profile := flag.String("profile", "", "with -only list, fetch or create: do that with this client alone for some seconds, and write a CPU profile to this file")
	flag.Parse()
	if flag.Arg(0) == "serve" {
		serve()
	}
	server, stop := startServer()
	defer stop()
	p := peers{ours: thisClient(server + "/20000"), handWritten: handWrittenCode(server + "/20000"), twilioGo: twilioGo(server + "/20000")}
	repeat := func(call func(peer) error) func(peer) error {
		return func(p peer) error {
			for range calls {
				if err := call(p); err != nil {
					return err
				}
			}
			return nil
		}
	}
	work := map[string]func(peer) error{
		"list": func(p peer) error {
			n, err := p.list()
			if err == nil && n != listed {
				err = fmt.Errorf("%d conversations", n)
			}
			return err
		},
		"fetch":  repeat(func(p peer) error { return p.fetch() }),
		"create": repeat(func(p peer) error { return p.create() }),
	}
	if *profile != "" {
		profileOurs(*profile, p.ours, work[*only])
		return
	}

	r := newResults()
	wanted := func(part string) bool { return *only == "" || *only == part }
	if wanted("list") {
		c := compare(p, listPairs, listed, work["list"])
		r.addTime("list 20,000: time per conversation", c, atMostHandWritten(1), partOfTwilioGo(5))
		r.addAllocs("list 20,000: allocations per conversation", c, atMostHandWritten(1.1), partOfTwilioGo(11))
	}
	for _, call := range []struct {
		name string
		most float64
	}{{"fetch", 1.05}, {"create", 1.15}} {
		if wanted(call.name) {
			c := compare(p, callPairs, calls, work[call.name])
			r.addTime(call.name+": time per call", c, atMostHandWritten(call.most), partOfTwilioGo(1))
			r.addAllocs(call.name+": allocations per call", c, partOfTwilioGo(1))
		}
	}
	if wanted("memory") {
		r.measureMemory(server)
	}
	if wanted("build") {
		r.measureBuilds()
	}
	os.Stdout.Write(r.markdown())
	if *write {
		r.write()
	}
}

// startServer starts the server in its own process and returns its URL.
func startServer() (url string, stop func()) {
	self, err := os.Executable()
	check(err)
	cmd := exec.Command(self, "serve")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe() // the server ends with it, and so with this process, however that ends
	check(err)
	out, err := cmd.StdoutPipe()
	check(err)
	check(cmd.Start())
	url, err = bufio.NewReader(out).ReadString('\n')
	check(err)
	return strings.TrimSpace(url), func() {
		in.Close()
		cmd.Wait()
	}
}

func profileOurs(file string, ours peer, work func(peer) error) {
	if work == nil {
		check(errors.New("-profile needs -only list, fetch or create"))
	}
	f, err := os.Create(file)
	check(err)
	check(work(ours)) // it warms up
	check(pprof.StartCPUProfile(f))
	for began := time.Now(); time.Since(began) < 5*time.Second; {
		check(work(ours))
	}
	pprof.StopCPUProfile()
	check(f.Close())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
