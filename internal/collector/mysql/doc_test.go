package mysql_test

import (
	"os"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/collector/mysql"
)

// The tests log in with what the documentation asks for, word by word.
func TestDocumentationHasTheMinimalAccount(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/engines/mysql.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range mysql.Documented() {
		if !strings.Contains(string(page), part) {
			t.Errorf("docs/engines/mysql.md lacks: %s", part)
		}
	}
}
