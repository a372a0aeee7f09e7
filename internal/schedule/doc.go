// Package schedule knows schedules: cron in five fields, time zones, what to do
// with fire times that overlap or were missed. It decides and does nothing: the
// store keeps schedules and fires, package firing loops.
//
// # Cron
//
// Minute, hour, day of month, month, day of week; lists, ranges, steps, and the
// English names of months and days (JAN, MON). 0 and 7 are Sunday, also at the
// end of a range (5-7, FRI-SUN). N/STEP goes from N to the end of its field.
// When both day fields are restricted, a day that matches either one counts;
// a field with a * in it, such as */2, does not restrict by itself, and then a
// day must match both (as crontab has it). There are no seconds, no @daily and
// no TZ=.
//
// # Time zones
//
// A schedule with a fixed hour fires once for each time of its clock: at the
// first instant at which the clock of its zone shows that time or a later one.
// So a time that the clock skips in spring fires at the first instant after
// the gap, and a time that it shows twice in autumn fires the first time. Two
// times of one gap are one fire.
//
// A schedule whose hour field lets every hour through (*, 0-23) goes by elapsed
// time: it fires whenever the clock shows one of its times, twice in the hour
// that is repeated and never in the gap.
//
// # Late and missed
//
// Of several times that are due, the newest fires when it is at most Grace late,
// or when the schedule catches up; all others are missed.
package schedule
