package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/dbfleet/dbfleet/client"
	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/secret"
)

const (
	requestTimeout = 30 * time.Second // one request with its answer
	maxAnswer      = 256 << 20        // bytes; a page of 500 accounts' histories can be big
	maxTokenFile   = 4 << 10          // bytes
	maxTries       = 5                // of a request that the API puts off
	maxWait        = 10 * time.Second // before the next try
)

// api is the connection of one command to the API.
type api struct {
	*client.ClientWithResponses
	stream *client.Client // for answers that are read as they come
	url    string
	doer   *doer
}

// connect reads where the API is and who is asking. It sends nothing.
func (a *app) connect() (*api, error) {
	conf, err := a.clientConfig()
	if err != nil {
		return nil, err
	}
	token := conf.Token
	if a.tokenFile != "" {
		if token, err = readToken(a.tokenFile); err != nil {
			return nil, err
		}
	}
	if err := checkToken(token); err != nil {
		return nil, err
	}
	doer := newDoer(conf.APIURL, a.addressName(), a.pause)
	c, err := client.NewClientWithResponses(conf.APIURL+"/api/v1",
		client.WithHTTPClient(doer),
		client.WithRequestEditorFn(client.Bearer(token.Reveal())))
	if err != nil {
		return nil, fmt.Errorf("set up the client of %s: %w", conf.APIURL, err)
	}
	stream, err := client.NewClient(conf.APIURL+"/api/v1",
		client.WithHTTPClient(newStreamer()), client.WithRequestEditorFn(client.Bearer(token.Reveal())))
	if err != nil {
		return nil, fmt.Errorf("set up the client of %s: %w", conf.APIURL, err)
	}
	return &api{ClientWithResponses: c, stream: stream, url: conf.APIURL, doer: doer}, nil
}

// newStreamer returns a client whose answers may go on; they must begin in time.
func newStreamer() *http.Client {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: requestTimeout}).DialContext,
		TLSHandshakeTimeout: requestTimeout, ResponseHeaderTimeout: requestTimeout, DisableKeepAlives: true,
	}
	return &http.Client{Transport: transport, CheckRedirect: stay}
}

// stay refuses to follow: a followed redirect could turn a POST into a GET.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (a *app) clientConfig() (config.Client, error) {
	address := cmp.Or(a.apiURL, a.std.Env(addressVariable))
	conf, err := config.LoadClient([]string{addressVariable + "=" + address, "DBFLEET_TOKEN=" + a.std.Env("DBFLEET_TOKEN")})
	var fault *invalid.Error
	if errors.As(err, &fault) && fault.Field == addressVariable {
		return conf, invalid.Field(a.addressName(), "%s", fault.Reason)
	}
	return conf, err
}

const addressVariable = "DBFLEET_API_URL"

// addressName is what the API's address comes from, or would.
func (a *app) addressName() string {
	if a.apiURL != "" {
		return "--api-url"
	}
	return addressVariable
}

func readToken(path string) (secret.Text, error) {
	file, err := os.Open(path)
	if err != nil {
		return secret.Text{}, fmt.Errorf("read token: %w", err)
	}
	defer func() { _ = file.Close() }() // was only read
	text, err := io.ReadAll(io.LimitReader(file, maxTokenFile))
	if err != nil {
		return secret.Text{}, fmt.Errorf("read token: %w", err)
	}
	return secret.New(strings.TrimSpace(string(text))), nil
}

// checkToken refuses what could not be sent; its error never holds the token.
func checkToken(token secret.Text) error {
	if token.IsZero() {
		return errors.New("no token: set DBFLEET_TOKEN or name a file with --token-file; " +
			"an admin makes one with dbfleet token create, and the first one is made with " +
			"dbfleet token create --local --user NAME --role admin")
	}
	if strings.ContainsFunc(token.Reveal(), func(r rune) bool { return r > unicode.MaxASCII || r <= ' ' || r == 0x7f }) {
		return errors.New("the token holds a blank or a character that no token has: set DBFLEET_TOKEN to the token alone")
	}
	return nil
}

// doer sends requests and reads whole answers, so that every fault of the way
// to the API and back has the same type.
type doer struct {
	http  *http.Client
	url   string
	named string // by this flag or variable
	pause func(context.Context, time.Duration) error
}

func newDoer(address, named string, pause func(context.Context, time.Duration) error) *doer {
	return &doer{url: address, named: named, pause: pause, http: &http.Client{Timeout: requestTimeout, CheckRedirect: stay}}
}

// Do implements client.HttpRequestDoer. A request that came too soon after
// others is sent again when the API says, a few times.
func (d *doer) Do(req *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		resp, err := d.once(req)
		if err != nil || resp.StatusCode != http.StatusTooManyRequests || try == maxTries {
			return resp, err
		}
		if err := d.pause(req.Context(), retryAfter(resp)); err != nil {
			return nil, fmt.Errorf("ask the API: %w", err)
		}
		if req.GetBody == nil {
			continue
		}
		if req.Body, err = req.GetBody(); err != nil {
			return nil, fmt.Errorf("send the request again: %w", err)
		}
	}
}

// retryAfter is how long the API asks to wait.
func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		seconds = 1
	}
	return min(time.Duration(seconds)*time.Second, maxWait)
}

func (d *doer) once(req *http.Request) (*http.Response, error) {
	resp, err := d.http.Do(req) //nolint:gosec // the address is the choice of the user who runs this
	if err != nil {
		return nil, d.fault(req.Context(), err)
	}
	defer func() { _ = resp.Body.Close() }() // was only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, d.fault(req.Context(), err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("the answer is over %d MiB: ask for less with --limit", maxAnswer>>20)
	case !d.isOurs(resp, body):
		return nil, &unexpected{url: d.url, named: d.named, status: resp.StatusCode, kind: resp.Header.Get("Content-Type")}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// isOurs tells DBFleet's answers from those of another server or a proxy.
func (d *doer) isOurs(resp *http.Response, body []byte) bool {
	if resp.StatusCode == http.StatusNoContent {
		return true
	}
	kind := resp.Header.Get("Content-Type")
	if resp.StatusCode/100 == 2 && strings.HasPrefix(kind, "text/csv") {
		return true
	}
	if resp.StatusCode/100 == 2 {
		return strings.HasPrefix(kind, "application/json") && json.Valid(body)
	}
	var problem client.Problem
	return strings.HasPrefix(kind, "application/problem+json") &&
		json.Unmarshal(body, &problem) == nil && problem.Code != ""
}

func (d *doer) fault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ask the API: %w", context.Cause(ctx))
	}
	var outer *url.Error // repeats the method and the address
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return &unreachable{url: d.url, named: d.named, err: err}
}

// answer is any response of the generated client.
type answer interface {
	StatusCode() int
	GetBody() []byte
	GetApplicationproblemJSONDefault() *client.Problem
}

// reply is an accepted answer: its value and the very text that came.
type reply[T any] struct {
	value  T
	raw    json.RawMessage
	status int
}

// read returns what an answer holds, or the *refusal that it is.
func read[T any](got answer, err error) (reply[T], error) {
	if err := accepted(got, err); err != nil {
		return reply[T]{}, err
	}
	r := reply[T]{raw: got.GetBody(), status: got.StatusCode()}
	if err := json.Unmarshal(r.raw, &r.value); err != nil {
		return reply[T]{}, fmt.Errorf("read the API's answer: %w", err)
	}
	return r, nil
}

// accepted returns the *refusal that an answer is; nil when it is none.
func accepted(got answer, err error) error {
	if err != nil {
		return readFault(err)
	}
	if problem := got.GetApplicationproblemJSONDefault(); problem != nil && got.StatusCode()/100 != 2 {
		return &refusal{problem: *problem, raw: got.GetBody()}
	}
	return nil
}

// readFault keeps the faults that Do has named, and names the others.
func readFault(err error) error {
	var away *unreachable
	var strange *unexpected
	if errors.As(err, &away) || errors.As(err, &strange) {
		return err
	}
	return fmt.Errorf("read the API's answer: %w", err)
}

// show prints a reply: as JSON when that was asked for, else with human.
func show[T any](a *app, r reply[T], human func(T)) error {
	if a.json {
		a.out.json(r.raw)
		return nil
	}
	human(r.value)
	return nil
}

// showRemoved says what a request without an answer has done; as JSON it is
// the id of what was removed.
func (a *app) showRemoved(id int64, human string) {
	if a.json {
		a.out.json(map[string]int64{"id": id})
		return
	}
	a.out.printf("%s\n", human)
}
