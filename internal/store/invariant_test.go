package store

import (
	"strings"
	"testing"
)

func TestViolationsAreFound(t *testing.T) {
	t.Parallel()
	// The words that tell of it, by what somebody would have done to the rows.
	for words, damage := range map[string]string{
		"total 2":                      `UPDATE sync_sessions SET total_instances = 2 WHERE completed_at IS NULL`,
		"its record":                   `UPDATE sync_instance_records SET status = 'pending', completed_at = NULL WHERE status = 'completed'`,
		"froze other figures":          `UPDATE sync_sessions SET items_synced = 7 WHERE completed_at IS NOT NULL`,
		"was cancelled and is running": `UPDATE sync_sessions SET cancel_requested_at = now() WHERE completed_at IS NULL`,
		"attempt 9":                    `UPDATE sync_instance_records SET attempt = 9`,
		"last sync":                    `UPDATE last_syncs SET synced_at = now() + interval '1 s'`,
		"logins": `UPDATE sync_instance_records SET error_code = 'auth_failed', status = 'failed', worker_id = NULL, deadline_at = NULL,
			completed_at = now(), credential_version = 1, attempt = 1 WHERE session_id IN (SELECT session_id FROM sync_sessions WHERE total_instances = 4)`,
		"has no version": `INSERT INTO accounts (instance_id, identity, name, kind, attributes, memberships, grants, hash, first_seen_at)
			SELECT id, 'x', 'x', 'user', '{}', '[]', '[]', sha256('x'), now() FROM instances LIMIT 1`,
		"belongs to no fire": `UPDATE sync_sessions SET schedule_id = 1 WHERE completed_at IS NULL`,
		"sessions for": `ALTER TABLE schedule_fires DROP CONSTRAINT schedule_fires_schedule_id_fire_time_key;
			INSERT INTO schedules (name, cron, time_zone, sync_category, selector, overlap, catch_up, next_fire_at, created_by)
			VALUES ('s', '0 2 * * *', 'UTC', 'account', '{}', 'skip', 'skip', now(), 1);
			INSERT INTO schedule_fires (schedule_id, fire_time, trigger, outcome, session_id)
			SELECT s.id, s.created_at, 'cron', 'started', gen_random_uuid() FROM schedules s, generate_series(1, 2)`,
		"its session none": `ALTER TABLE schedule_fires DROP CONSTRAINT schedule_fires_check;
			INSERT INTO schedules (name, cron, time_zone, sync_category, selector, overlap, catch_up, next_fire_at, created_by)
			VALUES ('s', '0 2 * * *', 'UTC', 'account', '{}', 'skip', 'skip', now(), 1);
			INSERT INTO schedule_fires (schedule_id, fire_time, trigger, outcome) SELECT id, now(), 'cron', 'started' FROM schedules`,
	} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			b := newFleet(t)
			ended, w := b.running(t, b.worker(t))
			if err := b.complete(t.Context(), w.Claim); err != nil {
				t.Fatal(err)
			}
			if _, err := b.FinishSession(t.Context(), ended); err != nil {
				t.Fatal(err)
			}
			b.start(t, b.instances(t, 1)...)
			b.start(t, b.instances(t, 4)...)
			b.dispatch(t)
			if found, err := b.Violations(t.Context()); err != nil || len(found) > 0 {
				t.Fatalf("of healthy rows: %v, %v", found, err)
			}
			for _, table := range []string{"sync_sessions", "sync_instance_records"} {
				b.sql(t, `ALTER TABLE `+table+` DISABLE TRIGGER USER`)
			}
			b.sql(t, damage)
			found, err := b.Violations(t.Context())
			if err != nil || len(found) == 0 || !strings.Contains(strings.Join(found, "\n"), words) {
				t.Errorf("found %q, %v", found, err)
			}
		})
	}
}
