package testdb_test

import (
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/collector/postgres"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

func TestFleetPostgresHasItsAccounts(t *testing.T) {
	t.Parallel()
	server := testdb.Target(t, localsvc.PostgresOptions{})
	if err := testdb.LoadFleetPostgres(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	reader, err := postgres.New(dialer(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := reader.ReadAccounts(t.Context(), target(fleet.PostgreSQL, server.Host(), server.Port()), fleet.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkAccounts(t, snapshot.Accounts, func(a account.Account) bool { return a.Name != "postgres" && !a.System && a.Kind != account.Public }, 50)
}

func TestFleetMariaDBHasItsAccounts(t *testing.T) {
	t.Parallel()
	server := testdb.MariaDB(t, localsvc.MariaDBOptions{})
	if err := testdb.LoadFleetMariaDB(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	snapshot, err := mysql.New(dialer(t), nil).ReadAccounts(t.Context(), target(fleet.MySQL, server.Host(), server.Port()), fleet.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkAccounts(t, snapshot.Accounts, func(a account.Account) bool { return a.Name == testdb.FleetUser || strings.HasPrefix(a.Name, "u") }, 50)
}

func checkAccounts(t *testing.T, accounts []account.Account, mine func(account.Account) bool, want int) {
	t.Helper()
	n := 0
	for _, a := range accounts {
		if mine(a) {
			n++
		}
	}
	if n != want {
		t.Errorf("%d accounts of the fleet among %d, want %d", n, len(accounts), want)
	}
}

func target(engine fleet.Engine, host string, port int) fleet.Target {
	return fleet.Target{
		Host: host, Port: port, TLSMode: fleet.TLSDisable, Engine: engine,
		Username: testdb.FleetUser, Password: secret.New(testdb.FleetPassword), AppName: "dbfleet/1/2/3",
	}
}

func dialer(t *testing.T) *netguard.Dialer {
	t.Helper()
	policy, err := netguard.ParsePolicy("127.0.0.1:*")
	if err != nil {
		t.Fatal(err)
	}
	return &netguard.Dialer{Policy: policy}
}
