package mysql_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a read has left a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
