package httpapi

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// checkTimes refuses the times of a request that the document's check lets
// pass: those that no calendar has, and those in a year that cannot be shown.
// It runs after that check. A fault of a parameter is one of form; in the body
// only a time that does not exist is.
func (o operation) checkTimes(query url.Values, body any) error {
	var forms, values []error
	for _, p := range slices.Concat(o.op.Parameters, o.item.Parameters) {
		if p.Value.In == openapi3.ParameterInQuery && isTime(p.Value.Schema.Value) && query.Has(p.Value.Name) {
			form, value := timeFaults(p.Value.Name, query.Get(p.Value.Name))
			forms = append(forms, form, value)
		}
	}
	if schema := o.bodySchema(); schema != nil {
		times := timesOf("", schema, body)
		for _, field := range slices.Sorted(maps.Keys(times)) {
			form, value := timeFaults(field, times[field])
			forms, values = append(forms, form), append(values, value)
		}
	}
	if err := errors.Join(forms...); err != nil {
		return malformed(err, errors.Join(values...))
	}
	return errors.Join(values...)
}

// bodySchema describes a body of JSON; nil when the operation takes none.
func (o operation) bodySchema() *openapi3.Schema {
	if o.op.RequestBody == nil || o.takesCSV() {
		return nil
	}
	return o.op.RequestBody.Value.Content.Get("application/json").Schema.Value
}

func isTime(s *openapi3.Schema) bool { return s.Format == "date-time" }

// timesOf collects the texts that the schema calls a time, by field.
func timesOf(field string, schema *openapi3.Schema, body any) map[string]string {
	found := map[string]string{}
	add := func(field string, schema *openapi3.SchemaRef, body any) {
		for name, text := range timesOf(field, schema.Value, body) {
			found[name] = text
		}
	}
	switch v := body.(type) {
	case string:
		if isTime(schema) {
			found[field] = v
		}
	case []any:
		for i, one := range v {
			add(join(field, strconv.Itoa(i)), schema.Items, one)
		}
	case map[string]any:
		for name, one := range v {
			if property := schema.Properties[name]; property != nil {
				add(join(field, name), property, one)
			}
		}
	}
	return found
}

func timeFaults(field, text string) (form, value error) {
	t, err := time.Parse(time.RFC3339, text)
	if err == nil {
		_, err = t.MarshalText() // Parse takes a zone of 24 hours, which nothing can write
	}
	if err != nil {
		return invalid.Field(field, "is not a time that exists"), nil
	}
	return nil, invalid.Time(field, t)
}
