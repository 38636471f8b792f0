package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// measureMemory streams a hundred thousand and a million conversations, each in its own process.
// The process reports its maximum resident memory.
func (r *results) measureMemory(server string) {
	dir, err := os.MkdirTemp("", "bench")
	check(err)
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "stream")
	output("go", "build", "-o", program, "./program/stream")
	peak := func(total int) float64 {
		var peaks []float64
		for range peakRounds {
			var kB float64
			_, err := fmt.Sscan(output(program, fmt.Sprintf("%s/%d", server, total), fmt.Sprint(total)), &kB)
			check(err)
			peaks = append(peaks, kB/1024)
		}
		return median(peaks)
	}
	few, many := peak(100_000), peak(1_000_000)
	r.add(row{What: "stream 1,000,000: peak memory", Unit: "MiB", Ours: many}, atMost(64, "MiB"))
	r.add(row{What: "the same, as against 100,000", Unit: "×", Ours: many / few}, atMost(1.2, "×"))
}

// measureBuilds builds three programs from an empty build cache: one with only net/http and
// encoding/json, one with this client and one with twilio-go. The first is the baseline of the
// others.
func (r *results) measureBuilds() {
	dir, err := os.MkdirTemp("", "bench")
	check(err)
	defer os.RemoveAll(dir)
	programs := []string{"nethttp", "ours", "twiliogo"}
	times, cpu := map[string][]float64{}, map[string][]float64{}
	size := map[string]float64{}
	for round := range buildRounds {
		for _, p := range programs {
			if p == "twiliogo" && round > 0 {
				continue // it takes minutes, and the aim is far away
			}
			cache, err := os.MkdirTemp(dir, "cache")
			check(err)
			cmd := exec.Command("go", "build", "-o", filepath.Join(dir, p), "./program/"+p)
			cmd.Env = append(os.Environ(), "GOCACHE="+cache)
			began := time.Now()
			run(cmd)
			times[p] = append(times[p], time.Since(began).Seconds())
			cpu[p] = append(cpu[p], (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
			check(os.RemoveAll(cache))
			info, err := os.Stat(filepath.Join(dir, p))
			check(err)
			size[p] = float64(info.Size()) / 1e6
		}
	}
	beyond := func(of map[string][]float64) (ours, twilioGo float64) {
		base := median(of["nethttp"])
		return median(of["ours"]) - base, median(of["twiliogo"]) - base
	}
	seconds, peer := beyond(times)
	r.add(row{What: "cold build beyond net/http", Unit: "s", Ours: seconds, TwilioGo: peer, Chart: seconds > 0},
		positive(atMost(4, "s")), positive(partOfTwilioGo(10)))
	// Other processes hardly affect the processor time.
	seconds, peer = beyond(cpu)
	r.add(row{What: "the same, time of both cores added up", Unit: "s", Ours: seconds, TwilioGo: peer}, positive(partOfTwilioGo(10)))
	r.add(row{What: "binary beyond net/http + encoding/json", Unit: "MB", Ours: size["ours"] - size["nethttp"],
		TwilioGo: size["twiliogo"] - size["nethttp"]}, atMost(1.5, "MB"))
	r.add(row{What: "third-party modules in it", Ours: thirdParty(filepath.Join(dir, "ours")),
		TwilioGo: thirdParty(filepath.Join(dir, "twiliogo"))}, atMost(6, ""))
}

// thirdParty counts the modules that are compiled into a program.
func thirdParty(program string) (n float64) {
	for line := range strings.Lines(output("go", "version", "-m", program)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "dep" && !strings.HasPrefix(f[1], "github.com/twilio-conversations-go/") {
			n++
		}
	}
	return n
}

// positive is an aim for a difference. A difference that is lost in the noise of a busy machine
// does not meet it.
func positive(of func(row) aim) func(row) aim {
	return func(l row) aim {
		a := of(l)
		a.Met = a.Met && l.Ours > 0
		return a
	}
}

func output(name string, args ...string) string { return run(exec.Command(name, args...)) }

// run runs a command and returns its output.
func run(cmd *exec.Cmd) string {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		check(fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, &stderr))
	}
	return string(out)
}
