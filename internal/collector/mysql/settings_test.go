package mysql_test

import "testing"

// What a server has made of its own settings changes nothing of what is read.
func TestSettingsOfTheServerDoNotMatter(t *testing.T) {
	t.Parallel()
	s := startFleet(t)
	s.Exec(t, "", "CREATE USER 'zażółć'@'%' PASSWORD EXPIRE INTERVAL 9 DAY")
	before := read(t, s.Target())
	s.Exec(t, "", "SET GLOBAL sql_select_limit = 1", "SET GLOBAL sql_mode = 'ANSI,PAD_CHAR_TO_FULL_LENGTH'",
		"SET GLOBAL time_zone = '+09:00'", "SET GLOBAL init_connect = 'SET NAMES latin1'")
	if got := changes(t, before, read(t, s.Target())); len(got) > 0 {
		t.Errorf("changes %q", got)
	}
}
