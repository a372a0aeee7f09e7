package app

import (
	"testing"

	"github.com/dbfleet/dbfleet/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }
