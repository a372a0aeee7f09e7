package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
	"github.com/dbfleet/dbfleet/internal/invalid"
)

// Ends of a command about which everything has been said already.
var (
	errNotSucceeded = errors.New("the session did not succeed")
	errDetached     = errors.New("detached from a session that is still running")
)

// usageError says that the command line itself is wrong.
type usageError struct {
	reason  string
	command string // whose help explains it; empty: of the command that ran
}

func (e *usageError) Error() string { return e.reason }

func usagef(format string, args ...any) error {
	return &usageError{reason: fmt.Sprintf(format, args...)}
}

// flagError makes the one mistake that must not be tried again plain, and does
// not repeat what was given with it.
func flagError(cmd *cobra.Command, err error) error {
	if givesSecret(err.Error()) {
		err = errors.New("a password or token is never taken from an argument, where other users could see it: " +
			"passwords come from the prompt or standard input, tokens from DBFLEET_TOKEN or --token-file")
	}
	return &usageError{reason: err.Error(), command: cmd.CommandPath()}
}

// givesSecret reports whether somebody tried to give a password or token as an
// argument. -p is the flag of other programs for it, whose value pflag repeats.
func givesSecret(reason string) bool {
	return reason == "unknown flag: --password" || reason == "unknown flag: --token" ||
		strings.HasPrefix(reason, "unknown shorthand flag: 'p'") ||
		strings.HasPrefix(reason, "invalid argument ") && strings.Contains(reason, `for "--password-prompt" flag`)
}

func unknownCommand(cmd *cobra.Command, name string) error {
	reason := fmt.Sprintf("unknown command %q", name)
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		reason += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return &usageError{reason: reason, command: cmd.CommandPath()}
}

// refusal is a problem document that the API answered with.
type refusal struct {
	problem client.Problem
	raw     json.RawMessage
}

func (e *refusal) Error() string {
	said := e.problem.Error()
	if field := text(e.problem.Field); field != "" && !strings.HasPrefix(said, field+":") && len(e.fields()) < 2 {
		said += " (field: " + field + ")"
	}
	return said + " [request id " + e.problem.RequestId + "]"
}

func (e *refusal) fields() []client.FieldError {
	if e.problem.Errors == nil {
		return nil
	}
	return *e.problem.Errors
}

// calledBy returns a refusal of the API's field that says name instead, which
// the user knows it by. Any other error it returns as it is.
func calledBy(name, field string, err error) error {
	var refused *refusal
	if !errors.As(err, &refused) || text(refused.problem.Field) != field {
		return err
	}
	renamed := *refused
	reason, _ := strings.CutPrefix(refused.problem.Error(), field+": ")
	detail := name + ": " + reason
	renamed.problem.Field, renamed.problem.Detail = &name, &detail
	return &renamed
}

func (e *refusal) hint() string {
	switch e.problem.Code {
	case "unauthorized":
		return "Set DBFLEET_TOKEN or --token-file to a valid token. An admin makes one with dbfleet token create; " +
			"where DBFLEET_DATABASE_URL is set, dbfleet token create --local makes one without a token."
	case "forbidden":
		return "dbfleet whoami shows the role of your token."
	case "credential_in_use":
		return "dbfleet credential show lists the instances that use it."
	}
	return ""
}

// unreachable says that no answer came.
type unreachable struct {
	url   string
	named string // by this flag or variable
	err   error
}

func (e *unreachable) Error() string {
	return fmt.Sprintf("cannot reach the API at %s: %v; is it running? %s sets its address", e.url, e.err, e.named)
}

func (e *unreachable) Unwrap() error { return e.err }

// unexpected is an answer that the API does not give.
type unexpected struct {
	url    string
	named  string // by this flag or variable
	status int
	kind   string // content type
}

func (e *unexpected) Error() string {
	return fmt.Sprintf("%s answered %d %s (%s), which is not an answer of DBFleet's API: check %s",
		e.url, e.status, http.StatusText(e.status), e.kind, e.named)
}

// passing reports whether the same request may succeed a little later.
func passing(err error) bool {
	var away *unreachable
	var refused *refusal
	var strange *unexpected
	switch {
	case errors.As(err, &away):
		return true
	case errors.As(err, &refused):
		return passingStatus(refused.problem.Status)
	case errors.As(err, &strange):
		return passingStatus(strange.status)
	}
	return false
}

func passingStatus(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests
}

// exit reports err and returns the exit code that it stands for.
func (a *app) exit(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errNotSucceeded):
		return exitNotSucceeded
	case errors.Is(err, errDetached):
		return exitCouldNotRun
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		err = errors.New("interrupted")
	}
	if a.json {
		a.reportJSON(err)
	} else {
		a.report(err)
	}
	return exitCouldNotRun
}

func (a *app) report(err error) {
	var refused *refusal
	var usage *usageError
	faults := invalid.All(err)
	switch {
	case len(faults) > 1:
		for _, fault := range faults {
			a.err.printf("dbfleet: %s\n", fault)
		}
	case errors.As(err, &refused):
		a.err.printf("dbfleet: %s\n", err)
		a.reportFields(refused)
	case errors.As(err, &usage):
		a.err.printf("dbfleet: %s\n", err)
		if usage.command != "" {
			a.err.printf("Try: %s --help\n", usage.command)
		}
	default:
		a.err.printf("dbfleet: %s\n", lastCause(err))
	}
}

// lastCause returns the text of err on one line. Of attempts below each other,
// which the Postgres driver lists, it keeps the last: the others are the ways
// that it tried before, such as TLS.
func lastCause(err error) string {
	const next = "\n\t"
	text := err.Error()
	head, _, listed := strings.Cut(text, next)
	if !listed {
		return text
	}
	return head + " " + text[strings.LastIndex(text, next)+len(next):]
}

func (a *app) reportFields(e *refusal) {
	if fields := e.fields(); len(fields) > 1 {
		for _, f := range fields {
			a.err.printf("  %s: %s\n", place(f), f.Reason)
		}
	}
	if hint := e.hint(); hint != "" {
		a.err.printf("%s\n", hint)
	}
}

// Codes of errors that are not the API's. Scripts match on them; do not rename.
const (
	codeUsage       = "usage"
	codeUnreachable = "unreachable"
	codeUnexpected  = "unexpected_answer"
	codeLocal       = "error"
)

// failure is an error of the command line as JSON. Its names are those of the
// API's problem documents.
type failure struct {
	Title  string              `json:"title"`
	Detail string              `json:"detail"`
	Code   string              `json:"code"`
	Errors []client.FieldError `json:"errors,omitempty"`
}

func (a *app) reportJSON(err error) {
	var refused *refusal
	if errors.As(err, &refused) {
		a.err.json(refused.raw)
		return
	}
	f := failure{Title: "The command could not run", Detail: lastCause(err), Code: codeOf(err)}
	for _, fault := range invalid.All(err) {
		f.Errors = append(f.Errors, client.FieldError{Line: optional(fault.Line), Field: fault.Field, Reason: fault.Reason})
	}
	a.err.json(f)
}

func codeOf(err error) string {
	var usage *usageError
	var away *unreachable
	var strange *unexpected
	switch {
	case errors.As(err, &usage):
		return codeUsage
	case errors.As(err, &away):
		return codeUnreachable
	case errors.As(err, &strange):
		return codeUnexpected
	}
	return codeLocal
}
