package localsvc

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// diesWithParent returns attributes that send sig to the child when its
// parent dies.
func diesWithParent(sig syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Pdeathsig: sig,
		Setpgid:   true, // Ctrl-C on the terminal is for us; we stop the server
	}
}

// inNamespace makes a child see itself as uid and gid instead of root.
func inNamespace(a *syscall.SysProcAttr, uid, gid int) {
	a.Cloneflags |= syscall.CLONE_NEWUSER
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: 0, Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: 0, Size: 1}}
}

// workingFolder returns the working directory of a process, "" when there is
// no such process or it is not ours to look at.
func workingFolder(pid int) string {
	dir, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	if err != nil {
		return ""
	}
	return dir
}

// children returns the direct children of a process. A child may have ended
// by the time the caller looks at it.
func children(pid int) []int {
	names, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is valid
	var found []int
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			continue // ended meanwhile
		}
		if parent, ok := parentOf(string(raw)); ok && parent == pid {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			found = append(found, child)
		}
	}
	return found
}

// parentOf reads the parent from a line of /proc/N/stat, whose second field
// is a name in brackets that may hold blanks and brackets.
func parentOf(stat string) (int, bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	return parent, err == nil
}
