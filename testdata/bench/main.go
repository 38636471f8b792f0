// Command bench measures this client against two others, as ratios taken in one run: peer A is
// hand-written net/http code with the same decoder, peer B is twilio-go, the official client. It prints
// a table, and with -write keeps it in the README, and a chart of it in results.svg.
//
// It is a module of its own so that twilio-go is no dependency of the client.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime/pprof"
	"strings"
)

const (
	listed      = 20_000
	listRounds  = 15
	calls       = 100 // fetches or creates in a round
	callRounds  = 75
	peakRounds  = 5
	buildRounds = 3
)

func main() {
	write := flag.Bool("write", false, "keep the results in the README and in results.svg")
	only := flag.String("only", "", "measure just this: list, calls, memory or build")
	profile := flag.String("profile", "", "write a CPU profile of listing with this client alone to this file")
	flag.Parse()
	if flag.Arg(0) == "serve" {
		serve()
	}
	server, stop := startServer()
	defer stop()
	if *profile != "" {
		profileList(server, *profile)
		return
	}

	r := newResults()
	wanted := func(part string) bool { return *only == "" || *only == part }
	peers := []peer{peerA(server + "/20000"), ours(server + "/20000"), peerB(server + "/20000")}
	if wanted("list") {
		s := compare(peers, listRounds, listed, func(p peer) error {
			n, err := p.list()
			if err == nil && n != listed {
				err = fmt.Errorf("%d conversations", n)
			}
			return err
		})
		r.add("list 20,000: time per conversation", "µs", micros(s), timesA(1.10), partOfB(5))
		r.add("list 20,000: allocations per conversation", "", allocs(s), timesA(1.1), partOfB(11))
	}
	if wanted("calls") {
		for _, c := range []struct {
			name string
			call func(peer) error
		}{
			{"fetch", func(p peer) error { return p.fetch() }},
			{"create", func(p peer) error { return p.create() }},
		} {
			s := compare(peers, callRounds, calls, func(p peer) error {
				for range calls {
					if err := c.call(p); err != nil {
						return err
					}
				}
				return nil
			})
			r.add(c.name+": time per call", "µs", micros(s), timesA(1.15), partOfB(1))
			r.add(c.name+": allocations per call", "", allocs(s), partOfB(1))
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

// startServer starts the server in a process of its own, and returns its URL.
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

func profileList(server, file string) {
	p := ours(server + "/1000000")
	f, err := os.Create(file)
	check(err)
	check(pprof.StartCPUProfile(f))
	_, err = p.list()
	pprof.StopCPUProfile()
	check(err)
	check(f.Close())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
