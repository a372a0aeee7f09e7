package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// TakeLease takes or renews the lease of that name for one life of a process,
// and reports whether it is the holder now. Who dies keeps it until it is over.
func (s *Store) TakeLease(ctx context.Context, name string, holder uuid.UUID, lease time.Duration) (bool, error) {
	n, err := s.q.TakeLease(ctx, dbq.TakeLeaseParams{Name: name, Holder: holder, Lease: lease})
	if err != nil {
		return false, away(fmt.Errorf("take the lease of %s: %w", name, err))
	}
	return n > 0, nil
}

// Census counts what the database knows of every category, each with one
// query's view of the moment. It reads all records of open sessions.
func (s *Store) Census(ctx context.Context) ([]session.Census, error) {
	found := map[session.Category]*session.Census{}
	list := make([]session.Census, len(session.Categories()))
	for i, c := range session.Categories() {
		list[i] = session.NewCensus(c)
		found[c] = &list[i]
	}
	for _, count := range []func(context.Context, map[session.Category]*session.Census) error{
		s.countRecords, s.countDue, s.countWorkers, s.countSyncAges,
	} {
		if err := count(ctx, found); err != nil {
			return nil, away(err)
		}
	}
	return list, nil
}

func (s *Store) countRecords(ctx context.Context, found map[session.Category]*session.Census) error {
	rows, err := s.q.CountOpenRecords(ctx)
	if err != nil {
		return fmt.Errorf("count records: %w", err)
	}
	for _, row := range rows {
		found[session.Category(row.SyncCategory)].Records[session.RecordStatus(row.Status)] = int(row.Records)
	}
	return nil
}

func (s *Store) countDue(ctx context.Context, found map[session.Category]*session.Census) error {
	rows, err := s.q.CountDueRecords(ctx)
	if err != nil {
		return fmt.Errorf("count due records: %w", err)
	}
	for _, row := range rows {
		c := found[session.Category(row.SyncCategory)]
		c.Due, c.Oldest = int(row.Due), seconds(row.OldestS)
	}
	return nil
}

func (s *Store) countWorkers(ctx context.Context, found map[session.Category]*session.Census) error {
	rows, err := s.q.CountWorkers(ctx)
	if err != nil {
		return fmt.Errorf("count workers: %w", err)
	}
	for _, row := range rows {
		if c := found[session.Category(row.Category)]; c != nil { // a newer worker may serve more
			c.Workers = int(row.Workers)
		}
	}
	return nil
}

func (s *Store) countSyncAges(ctx context.Context, found map[session.Category]*session.Census) error {
	var categories, engines []string
	for category, served := range s.Serves {
		for _, engine := range served {
			categories, engines = append(categories, string(category)), append(engines, string(engine))
		}
	}
	rows, err := s.q.SyncAges(ctx, dbq.SyncAgesParams{Categories: categories, Engines: engines})
	if err != nil {
		return fmt.Errorf("count last syncs: %w", err)
	}
	for _, row := range rows {
		c := found[session.Category(row.Category)]
		c.Instances, c.NeverSynced = int(row.Instances), int(row.Never)
		c.Newest, c.Stalest = seconds(row.NewestS), seconds(row.OldestS)
	}
	return nil
}

// Unverified counts the active instances in each mode that does not check the
// server.
func (s *Store) Unverified(ctx context.Context) (map[fleet.TLSMode]int, error) {
	rows, err := s.q.CountTLSModes(ctx)
	if err != nil {
		return nil, away(fmt.Errorf("count TLS modes: %w", err))
	}
	modes := map[fleet.TLSMode]int{}
	for _, mode := range fleet.TLSModes() {
		if !mode.ChecksServer() {
			modes[mode] = 0
		}
	}
	for _, row := range rows {
		if mode := fleet.TLSMode(row.TlsMode); !mode.ChecksServer() {
			modes[mode] = int(row.Instances)
		}
	}
	return modes, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
