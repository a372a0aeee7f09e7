package session

// Load is what the live workers offer to one queue.
type Load struct {
	Workers     int // live ones that serve the queue
	Concurrency int // of all of them
	Busy        int // records of the queue that are queued or running
}

const (
	windowFactor = 3   // records in flight for every one that can run
	minWindow    = 200 // so that one small worker is still kept fed
)

// Window is how many records of one queue may be queued or running at once:
// none while nobody serves it.
func (l Load) Window() int {
	if l.Workers == 0 {
		return 0
	}
	return max(windowFactor*l.Concurrency, minWindow)
}

// Missing is how many records the dispatcher should take now. It waits until
// the window is below half, so that it works in rounds and not one by one.
func (l Load) Missing() int {
	window := l.Window()
	if l.Busy*2 > window {
		return 0
	}
	return window - l.Busy
}

// MaxUnproven is how many logins of one credential may be failed or under way
// in one session until the first has succeeded.
const MaxUnproven = 3

// MaxSilent is how many instances of a host may fail to answer before the
// host's other records of the session are given up.
const MaxSilent = 3

// Candidates is how many due records of all sessions together the dispatcher
// looks at to find n that may go: some belong to full hosts or busy instances. Of
// each session it looks at a few, however many sessions there are.
func Candidates(n int) int { return min(4*n, 4000) }

// CandidateDepth is how many due records of all sessions together the dispatcher
// passes by at most on its way to candidates on hosts that are not full; of each
// session a few, however many there are.
const CandidateDepth = 10_000
