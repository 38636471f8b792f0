// The program upstream shows where api/openapi.yaml and Twilio's published description differ about
// our operations.
//
//	go run ./testdata/upstream           compare api/openapi.yaml with facts.txt
//	go run ./testdata/upstream -from X   renew facts.txt from a file or an https URL of Twilio's description
//
// facts.txt holds the facts of Twilio's description, one per line and without its prose.
// deliberate.txt lists the intended differences, each with its reason.
//
// The first command exits with 1 if there is any other difference, or if a line of deliberate.txt
// is no longer one. The second prints what changed in our operations since facts.txt was written.
// For each change it says whether it breaks programs, and which row of the table of changes in
// .github/CONTRIBUTING.md says what to do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twilio-conversations-go/conversations/api"
)

const maxDescription = 64 << 20 // bytes; Twilio's has less than one million

func main() {
	dir := flag.String("dir", "testdata/upstream", "`folder` of facts.txt and deliberate.txt")
	from := flag.String("from", "", "`file or https URL` of Twilio's description, spec/json/twilio_conversations_v1.json of twilio-oai")
	flag.Parse()
	var ok bool
	var err error
	if *from != "" {
		ok, err = true, fetch(*dir, *from, os.Stdout)
	} else {
		ok, err = check(*dir, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "upstream:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// check prints the differences that are not deliberate and reports whether there are none.
func check(dir string, out io.Writer) (bool, error) {
	ours, err := parseDescription(api.OpenAPI)
	if err != nil {
		return false, err
	}
	theirs, err := os.ReadFile(filepath.Join(dir, "facts.txt"))
	if err != nil {
		return false, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "deliberate.txt"))
	if err != nil {
		return false, err
	}
	list, err := parseDeliberate(string(text))
	if err != nil {
		return false, err
	}
	facts, err := derive(ours, operationsOf(ours))
	if err != nil {
		return false, err
	}
	unexplained, unused := list.unexplained(compare(parseFacts(string(theirs)), facts))
	if len(unexplained) > 0 {
		fmt.Fprintf(out, "api/openapi.yaml differs from Twilio's description. Change it, or add these lines to\n"+
			"%s with the reason above them:\n", filepath.Join(dir, "deliberate.txt"))
		for _, c := range unexplained {
			fmt.Fprintln(out, c)
		}
	}
	if len(unused) > 0 {
		fmt.Fprintf(out, "%s has lines that match no difference. Remove them:\n%s\n",
			filepath.Join(dir, "deliberate.txt"), strings.Join(unused, "\n"))
	}
	return len(unexplained)+len(unused) == 0, nil
}

// fetch updates the facts and prints what changed.
func fetch(dir, from string, out io.Writer) error {
	data, err := read(from)
	if err != nil {
		return err
	}
	theirs, err := parseDescription(data)
	if err != nil {
		return err
	}
	ours, err := parseDescription(api.OpenAPI)
	if err != nil {
		return err
	}
	ops := operationsOf(ours)
	file := filepath.Join(dir, "facts.txt")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	renewed, err := derive(theirs, ops)
	if err != nil {
		return err
	}
	if len(renewed) == 0 {
		return errors.New("the description has none of our operations: is it that of Conversations v1?")
	}
	changes := compare(parseFacts(string(text)), renewed)
	if len(changes) == 0 {
		_, err = fmt.Fprintf(out, "Nothing changed in %d operations.\n", len(ops))
		return err
	}
	if _, err := io.WriteString(out, report(changes)); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(renewed.String()), 0o644)
}

// read reads a file or an https URL.
func read(from string) ([]byte, error) {
	var source io.Reader
	if strings.HasPrefix(from, "https://") {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
		if err != nil {
			return nil, err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: status %d", from, res.StatusCode)
		}
		source = res.Body
	} else {
		file, err := os.Open(from)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		source = file
	}
	data, err := io.ReadAll(io.LimitReader(source, maxDescription+1))
	if err == nil && len(data) > maxDescription {
		err = fmt.Errorf("%s: more than %d bytes", from, maxDescription)
	}
	return data, err
}
