package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
	"github.com/dbfleet/dbfleet/internal/watch"
)

// Services is what the operations call. Every field is required, but for Now and Log.
type Services struct {
	Sessions    Sessions
	Instances   Instances
	Removed     Removed
	Bulk        Bulk
	Imports     Imports
	Credentials Credentials
	Accounts    Accounts
	Holds       Holds
	Schedules   Schedules
	Settings    Settings
	Users       Users
	Tokens      Tokens
	Audit       Audit
	Workers     Workers

	Key      secret.PublicKey  // seals passwords for the workers
	Policy   netguard.Policy   // says early which targets the workers will refuse
	Resolver netguard.Resolver // for Policy; *net.Resolver is one

	Now func() time.Time // for spans that end at the present; nil: time.Now
	Log *slog.Logger     // for what no caller hears of; nil: nowhere
}

// Workers lists the worker processes.
type Workers interface {
	Workers(ctx context.Context) ([]session.Worker, error)
}

// Router is where operations are registered: *httpserver.Server.
type Router interface {
	Echo() *echo.Echo
	Allow(method, path string, least user.Role)
	Publish(path, mediaType string, text []byte)
	Stream(method, path string)
	LimitBody(method, path string, bytes int64)
}

// API implements the operations of the document.
type API struct {
	Services

	operations []operation
	watch      *watch.Hub
}

var _ gen.StrictServerInterface = (*API)(nil)

// New returns the API over s. An error is a fault of the document: a bug of
// this program.
func New(s Services) (*API, error) {
	operations, err := load()
	if err != nil {
		return nil, err
	}
	if s.Key.IsZero() {
		return nil, errors.New("the API needs the public key that passwords are sealed for")
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	return &API{Services: s, operations: operations, watch: &watch.Hub{Sessions: s.Sessions, Log: s.Log}}, nil
}

// Register adds every operation to r, each with its check against the document
// and the role that it needs, and the document itself, which everybody may read.
func (a *API) Register(r Router) {
	checks := map[string][]echo.MiddlewareFunc{}
	for _, o := range a.operations {
		r.Allow(o.method, o.path, o.least)
		if o.streams() {
			r.Stream(o.method, o.path)
		}
		if o.bodyBytes > 0 {
			r.LimitBody(o.method, o.path, o.bodyBytes)
		}
		checks[o.op.OperationID] = []echo.MiddlewareFunc{o.checked}
	}
	gen.RegisterHandlersWithOptions(r.Echo(), gen.NewStrictHandler(a, nil), gen.RegisterHandlersOptions{
		BaseURL: Base, OperationMiddlewares: checks,
	})
	r.Publish(Base+"/openapi.yaml", "application/yaml; charset=utf-8", document)
}

// mapped returns to of every element; never nil, so that JSON shows a list.
func mapped[From, To any](list []From, to func(From) To) []To {
	out := make([]To, len(list))
	for i, one := range list {
		out[i] = to(one)
	}
	return out
}

// value returns what p points at, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func milliseconds(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	ms := d.Milliseconds()
	return &ms
}
