package schedule

import "time"

// Grace is how late a fire may be without being late.
const Grace = time.Minute

// MaxMissed is how many missed times are told one by one; what is older is
// summed up.
const MaxMissed = 1000

// Span sums up fire times.
type Span struct {
	From, To time.Time // the first and the last
	Count    int
}

// Plan is what to do with the times of a schedule that are due.
type Plan struct {
	Earlier Span        // missed, too many to tell one by one; Count 0 for none
	Missed  []time.Time // oldest first, at most MaxMissed
	Fire    time.Time   // zero when nothing is to be fired
	Late    bool        // Fire is late
	Next    time.Time   // the first time after now
}

// Plan decides about the times from the schedule's NextFire to now. A NextFire
// that the timetable does not hold (any more) is a fire time nevertheless: it
// was promised. Faults are those of ParseTimetable.
func (s Schedule) Plan(now time.Time) (Plan, error) {
	p, err := s.Lapse(now)
	if err != nil || len(p.Missed) == 0 {
		return p, err
	}
	newest := p.Missed[len(p.Missed)-1]
	late := now.Sub(newest) > Grace
	if late && s.CatchUp != CatchUpOnce {
		return p, nil
	}
	p.Missed = p.Missed[:len(p.Missed)-1]
	p.Fire, p.Late = newest, late
	return p, nil
}

// Lapse is a Plan in which nothing fires: what is due is missed.
func (s Schedule) Lapse(now time.Time) (Plan, error) {
	t, err := ParseTimetable(s.Cron, s.TimeZone)
	if err != nil {
		return Plan{}, err
	}
	var p Plan
	if s.NextFire == nil {
		p.Next = t.Next(now)
		return p, nil
	}
	at := s.NextFire.UTC()
	for ; !at.After(now) && !at.IsZero(); at = t.Next(at) {
		p.Missed = append(p.Missed, at)
		if len(p.Missed) == 2*MaxMissed {
			p.sumUp()
		}
	}
	p.sumUp()
	p.Next = at
	return p, nil
}

// sumUp leaves the newest MaxMissed times.
func (p *Plan) sumUp() {
	n := len(p.Missed) - MaxMissed
	if n <= 0 {
		return
	}
	if p.Earlier.Count == 0 {
		p.Earlier.From = p.Missed[0]
	}
	p.Earlier.To = p.Missed[n-1]
	p.Earlier.Count += n
	p.Missed = append([]time.Time(nil), p.Missed[n:]...)
}
