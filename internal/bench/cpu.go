package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit in which Linux tells a process's time.
const tick = 10 * time.Millisecond

// cpuOf is the processor time that a process has used, 0 when it has ended.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	return cpuIn(string(text))
}

// cpuIn reads user and system time from a line of /proc/N/stat, whose second
// field is a name in brackets that may hold blanks and brackets.
func cpuIn(stat string) time.Duration {
	const user, system = 11, 12 // after the name
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= system {
		return 0
	}
	var ticks int64
	for _, field := range fields[user : system+1] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * tick
}

// cpu is the processor time of all programs of a kind.
func (s *stage) cpu(kind string) time.Duration {
	var sum time.Duration
	for _, p := range s.programs {
		if p.kind() == kind {
			sum += cpuOf(p.cmd.Process.Pid)
		}
	}
	return sum
}
