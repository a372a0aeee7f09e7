package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// checked lets a request through to next when it has the form that the document
// describes. What has not is a 400 around one *invalid.Error per fault; a value
// in the body that is of the right type and out of its bounds is an
// *invalid.Error by itself.
func (o operation) checked(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if err := o.checkQuery(r.URL.RawQuery); err != nil {
			return err
		}
		body, err := o.checkBody(r)
		if err != nil {
			return err
		}
		if err := o.checkDocument(c); err != nil {
			return err
		}
		if err := o.checkTimes(r.URL.Query(), body); err != nil {
			return err
		}
		if err := checkNUL("", body); err != nil {
			return err
		}
		return nameField(next(c))
	}
}

// nameField gives what only decoding finds, a number that its Go type cannot
// hold, the form of every other fault.
func nameField(err error) error {
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return nameParameter(err)
	}
	reason := "has the wrong type"
	if strings.HasPrefix(mismatch.Value, "number") {
		reason = "must be a whole number, without a fraction and not too big"
	}
	return malformed(invalid.Field(orBody(mismatch.Field), "%s", reason))
}

// nameParameter does the same for a parameter, such as a day that no month has.
func nameParameter(err error) error {
	var unread *echo.HTTPError
	if !errors.As(err, &unread) {
		return err
	}
	message, _ := unread.Message.(string)
	rest, ok := strings.CutPrefix(message, "Invalid format for parameter ")
	if !ok {
		return err
	}
	name, _, _ := strings.Cut(rest, ":")
	return malformed(invalid.Field(name, "has not the form that the API describes"))
}

// malformed says that the request has not its form.
func malformed(faults ...error) error {
	return echo.NewHTTPError(http.StatusBadRequest).SetInternal(errors.Join(faults...))
}

// checkQuery refuses what the document's checks let pass: unknown and repeated
// parameters, empty ones, and text that Postgres cannot hold.
func (o operation) checkQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return malformed(invalid.Field("query", "is not a valid query string"))
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch values := query[name]; {
		case !o.hasQuery(name):
			faults = append(faults, invalid.Field(shown(name), "is not a parameter of this operation"))
		case len(values) > 1:
			faults = append(faults, invalid.Field(name, "must not be repeated"))
		case values[0] == "":
			faults = append(faults, invalid.Field(name, "must not be empty"))
		case o.takesAnyText(name):
			if !utf8.ValidString(values[0]) || strings.Contains(values[0], "\x00") {
				faults = append(faults, invalid.Field(name, "must be UTF-8 without NUL"))
			}
		case !utf8.ValidString(values[0]) || strings.ContainsFunc(values[0], unicode.IsControl):
			faults = append(faults, invalid.Field(name, "must be UTF-8 without control characters"))
		}
	}
	if len(faults) > 0 {
		return malformed(faults...)
	}
	return nil
}

// shown bounds a name that the caller has made up.
func shown(name string) string {
	const most = 100
	if name == "" {
		return "query"
	}
	return strings.ToValidUTF8(name[:min(len(name), most)], "\uFFFD")
}

func (o operation) hasQuery(name string) bool { return o.query(name) != nil }

// query returns the description of a query parameter; nil when there is none.
func (o operation) query(name string) *openapi3.Parameter {
	for _, p := range slices.Concat(o.op.Parameters, o.item.Parameters) {
		if p.Value.In == openapi3.ParameterInQuery && p.Value.Name == name {
			return p.Value
		}
	}
	return nil
}

// takesAnyText reports whether a parameter may hold control characters: it is
// compared with what servers call things.
func (o operation) takesAnyText(name string) bool {
	anyText, _ := o.query(name).Extensions["x-any-text"].(bool)
	return anyText
}

const mediaCSV = "text/csv"

// takesCSV reports whether the body is a file, which the operation reads by
// itself, instead of JSON.
func (o operation) takesCSV() bool {
	return o.op.RequestBody != nil && o.op.RequestBody.Value.Content.Get(mediaCSV) != nil
}

// checkBody refuses a body of another type. One of JSON it reads, so that it can
// be read twice, and refuses what is not one value. It returns the value; nil
// when the operation takes no body, or a file.
func (o operation) checkBody(r *http.Request) (any, error) {
	if o.op.RequestBody == nil {
		return nil, nil
	}
	media, params, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	switch {
	case err == nil && o.takesCSV() && media == mediaCSV && (params["charset"] == "" || strings.EqualFold(params["charset"], "utf-8")):
		return nil, nil
	case err != nil || o.takesCSV() || media != echo.MIMEApplicationJSON:
		return nil, echo.NewHTTPError(http.StatusUnsupportedMediaType)
	}
	return checkJSON(r)
}

func checkJSON(r *http.Request) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bodyError(err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, malformed(invalid.Field("body", "is needed"))
	}
	if !utf8.Valid(body) {
		return nil, malformed(invalid.Field("body", "must be UTF-8"))
	}
	value, err := parseJSON(body)
	if err != nil {
		return nil, malformed(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	return value, nil
}

// bodyError keeps what the server's table knows; any other failed read is a
// caller who went away or sent less than announced.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return echo.NewHTTPError(http.StatusRequestTimeout)
	}
	return malformed(invalid.Field("body", "could not be read to its end"))
}

// parseJSON reads one value, whose numbers are json.Number, and names those that
// no type of ours could hold.
func parseJSON(body []byte) (any, error) {
	var raw json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, jsonFault(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, jsonFault(err)
	}
	return value, checkNumbers(value)
}

func jsonFault(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return invalid.Field("body", "is not JSON at byte %d", syntax.Offset)
	}
	return invalid.Field("body", "is not JSON")
}

// checkDocument compares the request with the document.
func (o operation) checkDocument(c echo.Context) error {
	params := map[string]string{}
	for i, name := range c.ParamNames() {
		params[name] = c.ParamValues()[i]
	}
	return o.sort(openapi3filter.ValidateRequest(c.Request().Context(), &openapi3filter.RequestValidationInput{
		Request:    c.Request(),
		PathParams: params,
		Route:      &routers.Route{Spec: o.spec, Path: o.path, PathItem: o.item, Method: o.method, Operation: o.op},
		Options: &openapi3filter.Options{
			ExcludeRequestBody: o.takesCSV(),
			MultiError:         true, SkipSettingDefaults: true, RejectWhenRequestBodyNotSpecified: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, // the server has done it
		},
	}))
}

// sort turns the findings into a fault of form, if there is one, or else into
// faults of values.
func (o operation) sort(err error) error {
	var forms, values []error
	for _, f := range findings(err, "") {
		if f.form {
			forms = append(forms, f.fault)
			continue
		}
		values = append(values, f.fault)
	}
	if len(forms) > 0 {
		return malformed(append(forms, values...)...)
	}
	return errors.Join(values...)
}

// finding is one fault of a request; form tells it from that of a value.
type finding struct {
	fault *invalid.Error
	form  bool
}

// findings flattens the errors of the document's check. parameter is the name
// of the parameter that they are about; empty for the body.
func findings(err error, parameter string) []finding {
	switch e := err.(type) { //nolint:errorlint // the tree is walked level by level
	case nil:
		return nil
	case openapi3.MultiError:
		var all []finding
		for _, one := range e {
			all = append(all, findings(one, parameter)...)
		}
		return all
	case *openapi3filter.RequestError:
		return requestFindings(e)
	case *openapi3.SchemaError:
		return []finding{schemaFinding(e, parameter)}
	}
	return []finding{{invalid.Field(orBody(parameter), "has not the form that the API describes"), true}}
}

func requestFindings(e *openapi3filter.RequestError) []finding {
	name := ""
	if e.Parameter != nil {
		name = e.Parameter.Name
	}
	var parse *openapi3filter.ParseError
	switch {
	case errors.Is(e.Err, openapi3filter.ErrInvalidRequired):
		return []finding{{invalid.Field(orBody(name), "is needed"), true}}
	case errors.As(e.Err, &parse) && e.Parameter != nil:
		return []finding{{invalid.Field(name, "must be %s", typeOf(e.Parameter.Schema.Value)), true}}
	case e.RequestBody == nil && e.Parameter == nil:
		return []finding{{invalid.Field("body", "is not expected"), true}}
	}
	return findings(e.Err, name)
}

// formRules are the schema's rules about the form of a request; the others are
// about values.
var formRules = []string{"type", "properties", "additionalProperties", "required", "nullable", "format"}

func schemaFinding(e *openapi3.SchemaError, parameter string) finding {
	field, reason, rule := strings.Join(e.JSONPointer(), "."), e.Reason, e.SchemaField
	if _, isText := e.Value.(string); rule == "enum" && !isText {
		rule, reason = "type", "must be a string" // the checker looks at the list first
	}
	switch rule {
	case "properties", "additionalProperties":
		field, reason = join(field, quoted(e.Reason)), "is not a field of this object"
	case "required":
		reason = "is needed"
	case "nullable":
		reason = "must not be null"
	case "pattern":
		reason = "has not the form of " + typeOf(e.Schema)
	}
	if parameter != "" {
		return finding{invalid.Field(parameter, "%s", reason), true}
	}
	return finding{invalid.Field(orBody(field), "%s", reason), slices.Contains(formRules, rule)}
}

// quoted returns the first text in quotes: the checker tells the name of an
// unknown field in its message only.
func quoted(message string) string {
	_, rest, _ := strings.Cut(message, `"`)
	text, err := strconv.QuotedPrefix(`"` + rest)
	if err != nil {
		return ""
	}
	name, _ := strconv.Unquote(text) // QuotedPrefix has made sure
	return shown(name)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func orBody(field string) string {
	if field == "" {
		return "body"
	}
	return field
}

// typeOf says what a schema wants in words.
func typeOf(s *openapi3.Schema) string {
	if s.Format == "uuid" {
		return "a UUID"
	}
	switch {
	case s.Type.Is("integer"):
		return "a whole number"
	case s.Type.Is("boolean"):
		return "true or false"
	}
	return fmt.Sprint("a ", strings.Join(s.Type.Slice(), " or "))
}
