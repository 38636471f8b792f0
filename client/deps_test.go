package client_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A program that imports the client links these modules and no others: neither the generator nor
// what parses the description, nor what tests need.
func TestDependencies(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".").Output()
	require.NoError(t, err)
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	assert.Equal(t, []string{
		"github.com/apapsch/go-jsonmerge/v2", // of the runtime
		"github.com/go-json-experiment/json",
		"github.com/google/uuid", // of the runtime
		"github.com/oapi-codegen/runtime",
		"github.com/twilio-conversations-go/conversations",
	}, slices.Compact(modules))
}
