package httpapi

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/sheet"
)

// Imports registers what a file holds. Errors are *invalid.Error.
type Imports interface {
	// ImportInstances notes in the sheet what it finds wrong with it.
	ImportInstances(ctx context.Context, s *sheet.Sheet, skipBad bool) (imported int, err error)
	CheckImport(ctx context.Context, s *sheet.Sheet) error
	CredentialNames(ctx context.Context, ids []fleet.CredentialID) (map[fleet.CredentialID]string, error)
}

// ImportInstances registers the instances of a CSV file: all, or with skip_bad
// the good ones, or none.
func (a *API) ImportInstances(ctx context.Context, r gen.ImportInstancesRequestObject) (gen.ImportInstancesResponseObject, error) {
	file, err := sheet.Read(r.Body)
	if err != nil {
		return nil, fileError(err)
	}
	answer := gen.ImportInstances200JSONResponse{
		DryRun: value(r.Params.DryRun), HostsUnchecked: a.checkTargets(ctx, file),
	}
	if answer.DryRun {
		err = a.Imports.CheckImport(ctx, file)
	} else {
		answer.Imported, err = a.Imports.ImportInstances(ctx, file, value(r.Params.SkipBad))
	}
	if err != nil {
		return nil, err
	}
	faults, leftOut := file.Faults()
	answer.Lines, answer.Bad, answer.Good = file.Lines(), file.Bad(), file.Lines()-file.Bad()
	answer.Faults, answer.FaultsLeftOut = mapped(faults, toFieldError), leftOut
	answer.BadLines = mapped(file.BadLines(), func(line int) int { return line })
	return answer, nil
}

// fileError keeps what is wrong with the file, and names a file that did not
// come whole.
func fileError(err error) error {
	if len(invalid.All(err)) > 0 {
		return err
	}
	return bodyError(err)
}

func toFieldError(f *invalid.Error) gen.FieldError {
	return gen.FieldError{Line: &f.Line, Field: f.Field, Reason: f.Reason}
}

const (
	lookUps         = 32               // host names that are looked up at once for one file
	allLookUpsLimit = 10 * time.Second // of one file; the request must end in time
)

// checkTargets is checkTarget for every row, once per address. It returns how
// many host names could not be looked up in time; as with one that cannot be
// looked up at all, the worker has the last word.
func (a *API) checkTargets(ctx context.Context, file *sheet.Sheet) (unchecked int) {
	ctx, cancel := context.WithTimeoutCause(ctx, allLookUpsLimit, fmt.Errorf("look up the hosts of a file: over %s", allLookUpsLimit))
	defer cancel()
	targets := targetsOf(file)
	var group errgroup.Group
	group.SetLimit(lookUps)
	for _, t := range targets {
		if _, err := netip.ParseAddr(t.rows[0].Instance.Host); err == nil {
			t.err = a.checkTarget(ctx, t.rows[0].Instance) // asks nobody
			continue
		}
		group.Go(func() error {
			t.err = a.checkTarget(ctx, t.rows[0].Instance)
			t.late = ctx.Err() != nil
			return nil
		})
	}
	_ = group.Wait() // no look-up returns an error
	for _, t := range targets {
		if t.late && t.err == nil {
			unchecked++
		}
		t.fault(file)
	}
	return unchecked
}

// target is one address of a file.
type target struct {
	rows []*sheet.Row // that have it
	err  error
	late bool
}

func targetsOf(file *sheet.Sheet) map[string]*target {
	targets := map[string]*target{}
	for _, row := range file.Good() {
		address := net.JoinHostPort(row.Instance.Host, strconv.Itoa(row.Instance.Port))
		if targets[address] == nil {
			targets[address] = &target{}
		}
		targets[address].rows = append(targets[address].rows, row)
	}
	return targets
}

func (t *target) fault(file *sheet.Sheet) {
	for _, fault := range invalid.All(t.err) {
		for _, row := range t.rows {
			file.Fault(row.Line, fault.Field, "%s", fault.Reason)
		}
	}
}
