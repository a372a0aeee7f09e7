package store

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestTransactionOfAPanicIsRolledBack(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not come through")
			}
		}()
		_ = b.transact(t.Context(), func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `UPDATE credentials SET version = 2`); err != nil {
				t.Error(err)
			}
			panic("a bug")
		})
	}()
	if n := b.pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are still taken", n)
	}
	if v := value[int](t, b.pool, `SELECT version FROM credentials`); v != 1 {
		t.Errorf("version %d was kept", v)
	}
}
