package queue

import (
	"testing"

	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

func TestPolicyOfRedisIsKnown(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"noeviction", "allkeys-lru"} {
		server := testdb.RedisWith(t, localsvc.RedisOptions{Args: []string{"--maxmemory-policy", policy}})
		client, err := Open(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		if got, err := NewClient(client).Policy(t.Context()); got != policy || err != nil {
			t.Errorf("with %s: %q, %v", policy, got, err)
		}
	}
}
