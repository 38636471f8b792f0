//go:build tools

package conversations

// The generator is a dependency, so that go.mod pins its version.
import _ "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen"
