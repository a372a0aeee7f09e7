package httpapi

import (
	_ "embed"
	"fmt"
	"regexp"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/dbfleet/dbfleet/internal/user"
)

//go:embed openapi.yaml
var document []byte

// Base is the path under which every operation is.
const Base = "/api/v1"

// operation is one entry of the document, with what is needed to check a
// request against it.
type operation struct {
	method, path string // as Echo writes them
	spec         *openapi3.T
	item         *openapi3.PathItem
	op           *openapi3.Operation
	least        user.Role
	bodyBytes    int64 // the most that a body may have; 0: the server's own limit
}

// load reads the document. An error is a fault of this program.
func load() ([]operation, error) {
	spec, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	var all []operation
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			least, err := leastRole(op)
			if err != nil {
				return nil, fmt.Errorf("openapi.yaml: %s %s: %w", method, path, err)
			}
			bytes, _ := op.Extensions["x-body-bytes"].(float64)
			all = append(all, operation{
				method: method, path: Base + echoPath(path), spec: spec, item: item, op: op, least: least, bodyBytes: int64(bytes),
			})
		}
	}
	return all, nil
}

// streams reports whether the answer is a stream of events.
func (o operation) streams() bool {
	answer := o.op.Responses.Value("200")
	return answer != nil && answer.Value.Content["text/event-stream"] != nil
}

func leastRole(op *openapi3.Operation) (user.Role, error) {
	declared, _ := op.Extensions["x-permission"].(string)
	return user.ParseRole("x-permission", declared)
}

var pathParameter = regexp.MustCompile(`\{([^}]+)\}`)

// echoPath turns /instances/{instance_id} into /instances/:instance_id.
func echoPath(path string) string { return pathParameter.ReplaceAllString(path, ":$1") }
