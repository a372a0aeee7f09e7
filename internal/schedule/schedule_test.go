package schedule

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/session"
)

func sample() Schedule {
	return Schedule{
		Name: "nightly", Cron: "0 2 * * *", TimeZone: "UTC", Category: session.Account,
		Selector: session.Selector{All: true}, Overlap: OverlapSkip, CatchUp: CatchUpSkip,
	}
}

func TestNormaliseNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := Schedule{Cron: "x", TimeZone: "y", Category: "z", Overlap: "a", CatchUp: "b", MaxAttempts: 11}.Normalise()
	var fields []string
	for _, fault := range invalid.All(err) {
		fields = append(fields, fault.Field)
	}
	if got := strings.Join(fields, " "); got != "name cron time_zone category selector overlap catch_up max_attempts" {
		t.Errorf("faults of %s: %v", got, err)
	}
	s := sample()
	s.Cron, s.Overlap, s.CatchUp = "  0  2 *   * * ", "", ""
	s, err = s.Normalise()
	if err != nil || s.Cron != "0 2 * * *" || s.Overlap != OverlapSkip || s.CatchUp != CatchUpSkip {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestCheckServed(t *testing.T) {
	t.Parallel()
	serves := session.Serves{session.Account: {fleet.PostgreSQL, fleet.MySQL}}
	for name, tt := range map[string]struct {
		category session.Category
		engines  []fleet.Engine
		want     error
	}{
		"served":           {session.Account, nil, nil},
		"one of them":      {session.Account, []fleet.Engine{fleet.Oracle, fleet.MySQL}, nil},
		"not this engine":  {session.Account, []fleet.Engine{fleet.Oracle}, session.ErrNotServed},
		"by nobody":        {session.Capacity, nil, session.ErrNotServed},
		"by nobody either": {session.Capacity, []fleet.Engine{fleet.MySQL}, session.ErrNotServed},
	} {
		s := sample()
		s.Category, s.Selector.Engines = tt.category, tt.engines
		if err := s.CheckServed(serves); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		overlap       Overlap
		open, waiting bool
		want          Outcome
	}{
		{OverlapSkip, false, false, Started},
		{OverlapSkip, true, false, Skipped},
		{OverlapSkip, true, true, Skipped},
		{OverlapSkip, false, true, Skipped},
		{OverlapQueue, false, false, Started},
		{OverlapQueue, true, false, Queued},
		{OverlapQueue, true, true, Skipped},
		{OverlapQueue, false, true, Skipped},
	} {
		if got := tt.overlap.Decide(tt.open, tt.waiting); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

func TestChangeLeavesOtherFields(t *testing.T) {
	t.Parallel()
	cron, attempts := "5 5 * * *", 0
	c := Change{Cron: &cron, MaxAttempts: &attempts}
	s := sample()
	s.MaxAttempts = 4
	if got := c.Apply(s); got.Cron != cron || got.MaxAttempts != 0 || got.Name != s.Name {
		t.Errorf("%+v", got)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	two := time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		now     time.Time
		catchUp CatchUp
		fire    time.Time
		late    bool
		missed  int
		next    time.Time
	}{
		"too early":              {two.Add(-time.Second), CatchUpSkip, time.Time{}, false, 0, two},
		"to the second":          {two, CatchUpSkip, two, false, 0, two.AddDate(0, 0, 1)},
		"within the grace":       {two.Add(Grace), CatchUpSkip, two, false, 0, two.AddDate(0, 0, 1)},
		"late and missed":        {two.Add(Grace + 1), CatchUpSkip, time.Time{}, false, 1, two.AddDate(0, 0, 1)},
		"late and caught up":     {two.Add(Grace + 1), CatchUpOnce, two, true, 0, two.AddDate(0, 0, 1)},
		"three days, missed":     {two.AddDate(0, 0, 3).Add(time.Hour), CatchUpSkip, time.Time{}, false, 4, two.AddDate(0, 0, 4)},
		"three days, caught up":  {two.AddDate(0, 0, 3).Add(time.Hour), CatchUpOnce, two.AddDate(0, 0, 3), true, 3, two.AddDate(0, 0, 4)},
		"three days, just right": {two.AddDate(0, 0, 3), CatchUpSkip, two.AddDate(0, 0, 3), false, 3, two.AddDate(0, 0, 4)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sample()
			s.CatchUp, s.NextFire = tt.catchUp, &two
			p, err := s.Plan(tt.now)
			if err != nil || !p.Fire.Equal(tt.fire) || p.Late != tt.late || len(p.Missed) != tt.missed || !p.Next.Equal(tt.next) || p.Earlier.Count != 0 {
				t.Errorf("plan %+v, %v", p, err)
			}
		})
	}
}

func TestPlanSumsUpALongStop(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := sample()
	s.Cron, s.NextFire = "* * * * *", &first
	for _, minutes := range []int{999, 1000, 1001, 1999, 2000, 2001, 100_000} {
		now := first.Add(time.Duration(minutes) * time.Minute) // one more is due: the first
		p, err := s.Plan(now)
		if err != nil || !p.Fire.Equal(now) {
			t.Fatalf("%d: %v, fire %s", minutes, err, p.Fire)
		}
		told, summed := len(p.Missed), p.Earlier.Count
		if told+summed != minutes || told > MaxMissed || told < min(minutes, MaxMissed-1) {
			t.Errorf("%d: %d told, %d summed up", minutes, told, summed)
		}
		if summed > 0 && (!p.Earlier.From.Equal(first) || !p.Earlier.To.Equal(p.Missed[0].Add(-time.Minute)) || summed != int(p.Earlier.To.Sub(first).Minutes())+1) {
			t.Errorf("%d: summed up %+v", minutes, p.Earlier)
		}
	}
}

// A promised time fires although the timetable no longer holds it: the rules of
// a zone may change.
func TestPromisedTimeFires(t *testing.T) {
	t.Parallel()
	promised := time.Date(2026, 11, 20, 1, 30, 0, 0, time.UTC)
	s := sample()
	s.NextFire = &promised
	p, err := s.Plan(promised)
	if err != nil || !p.Fire.Equal(promised) || !p.Next.Equal(promised.Add(30*time.Minute)) {
		t.Errorf("plan %+v, %v", p, err)
	}
}

func TestPlanOfAScheduleThatCannotBeReadIsAFault(t *testing.T) {
	t.Parallel()
	s := sample()
	s.TimeZone = "Gone/Away"
	if _, err := s.Plan(time.Now()); len(invalid.All(err)) != 1 {
		t.Errorf("err = %v", err)
	}
}

func BenchmarkPlanOfAYearOfMinutes(b *testing.B) {
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := sample()
	s.Cron, s.TimeZone, s.NextFire = "* * * * *", "Europe/Berlin", &first
	for b.Loop() {
		if _, err := s.Plan(first.AddDate(1, 0, 0)); err != nil {
			b.Fatal(err)
		}
	}
}
