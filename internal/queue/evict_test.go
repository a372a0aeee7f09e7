package queue

import (
	"testing"

	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

func TestEvictingRedisIsFound(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]string{"noeviction": "", "allkeys-lru": "allkeys-lru"} {
		server := testdb.RedisWith(t, localsvc.RedisOptions{Args: []string{"--maxmemory-policy", policy}})
		client, err := Open(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		if got := NewClient(client).Evicts(t.Context()); got != want {
			t.Errorf("with %s: %q, want %q", policy, got, want)
		}
	}
}
