// Command bench measures DBFleet's own programs on private servers of this
// machine, and beside each figure, in the same run, what the same machine does
// without DBFleet. It prints a table and JSON; docs/benchmark.md says what the
// figures mean.
//
// Every figure has a database of its own and starts the programs anew. What is
// measured are the programs as they are built: their only replacement is the
// worker of the no-op figures, which is this program run again with the worker's
// wiring around a job that does nothing.
package main
