// Package clickhousestore is the distributed tollbook.Ledger: any number of
// servers over one ClickHouse, none of which holds anything that another would
// miss.
//
// Four tables are what was written down: the log (definitions and cuts, in one
// order), the events as they came, the bookings that corrected them, and the
// lines that both name. Everything else is a view, a function of those four: a
// fold makes the views of one epoch from those before it. Any server may fold,
// at any time, with any other: all of them come to the same rows.
//
// The log orders what happens. A row of events or bookings is written by a
// statement that reads the end of the log: it is refused unless the caller knew
// the last definition, and carries the position as its epoch. A cut ends an
// epoch; when the statements that had begun before it are done, nothing can
// enter the epochs in front of it any more, and they can be folded.
package clickhousestore
