package store

import (
	"context"
	"testing"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/schedule"
)

// Of many names one is found by the index of names, and not among
// all that are similar.
func TestExactNameIsFoundByItsIndex(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.sql(t, `INSERT INTO credentials (name, username, sealed, key_id) SELECT 'c' || g, 'u', '', 'k' FROM generate_series(1, 5000) g`)
	b.sql(t, `INSERT INTO instances (name, engine, host, port, credential_id, host_key)
		SELECT 'i' || g, 'postgresql', 'h', 5432, $1, 'h' FROM generate_series(1, 5000) g`, b.credential)
	b.sql(t, `INSERT INTO schedules (name, cron, time_zone, sync_category, selector, overlap, catch_up, next_fire_at, created_by)
		SELECT 's' || g, '0 2 * * *', 'UTC', 'account', '{"all": true}', 'skip', 'skip', now(), 0 FROM generate_series(1, 5000) g`)
	b.sql(t, `ANALYZE`)
	for index, ask := range map[string]func(context.Context, *dbq.Queries) error{
		"instances_name": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.ListInstances(ctx, dbq.ListInstancesParams{ExactName: "i77", RowLimit: 101})
			return err
		},
		"schedules_name": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.ListSchedules(ctx, dbq.ListSchedulesParams{ExactName: "s77", RowLimit: 101})
			return err
		},
		"credentials_name_key": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.ListCredentials(ctx, dbq.ListCredentialsParams{ExactName: "c77", RowLimit: 101})
			return err
		},
	} {
		served := false
		explained(t, b.pool, "force_custom_plan", ask).walk(func(n planNode) { served = served || n.Index == index && n.Cond != "" })
		if !served {
			t.Errorf("%s is not used", index)
		}
	}
}

func TestExactNameIsNoPartOfAName(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	b.sql(t, `INSERT INTO instances (name, engine, host, port, credential_id, host_key)
		SELECT n, 'postgresql', 'h', 5432, $1, 'h' FROM unnest('{db,DB,db-1}'::text[]) n`, b.credential)
	list, next, err := b.Instances(t.Context(), fleet.InstanceFilter{ExactName: "db"}, 10, 0)
	if err != nil || len(list) != 1 || list[0].Name != "db" || next != 0 {
		t.Errorf("instances: %+v, %d, %v", list, next, err)
	}
	if list, _, err := b.Instances(t.Context(), fleet.InstanceFilter{ExactName: "db", Deleted: true}, 10, 0); err != nil || len(list) != 0 {
		t.Errorf("deleted instances: %+v, %v", list, err)
	}
	if list, _, err := b.Schedules(t.Context(), schedule.Filter{ExactName: "n"}, 10, 0); err != nil || len(list) != 0 {
		t.Errorf("schedules: %+v, %v", list, err)
	}
	if list, _, err := b.Credentials(t.Context(), fleet.CredentialFilter{ExactName: "%"}, 10, 0); err != nil || len(list) != 0 {
		t.Errorf("credentials: %+v, %v", list, err)
	}
}
