package demo

import "strings"

// statements splits one of our own scripts at the semicolons that end a line.
func statements(sql string) []string {
	var list []string
	for _, part := range strings.Split(sql, ";\n") {
		var lines []string
		for _, line := range strings.Split(part, "\n") {
			if line != "" && !strings.HasPrefix(line, "--") {
				lines = append(lines, line)
			}
		}
		if len(lines) > 0 {
			list = append(list, strings.Join(lines, "\n"))
		}
	}
	return list
}
