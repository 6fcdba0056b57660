// Package tollbook holds the nouns of a usage ledger and the one interface,
// Ledger, behind which they are kept.
//
// # Vocabulary
//
//   - An Event is one use of the platform: a call, a message, a number held.
//     Its name is (organization, source, id); the hash of that is its Claim.
//   - A rate card is a price list, a rate one row of it. Measuring an event
//     finds its rate and counts its increments, the steps that a quantity is
//     rounded up to.
//   - A Line is what a rate makes of an event as far as money is concerned:
//     what the record shows, the price of an increment and its size.
//   - A Charge is a number of increments of one Line.
//   - A Record is what an account used of one product in one Month: the sum of
//     the charges that agree in everything a record shows.
//   - A Definition is one change of an organization, account, product, rate
//     card or client. Definitions are numbered without gaps by their Pos.
//
// # Invariants
//
//   - What was written down is the truth, everything else is a view of it.
//     Views are functions of the definitions and the set of events, never of
//     the order in which events arrived.
//   - Every event is counted exactly once: a Claim counts at most once for
//     ever, and an event that was acknowledged is on disk.
//   - Measured when written, priced when read: charges are whole numbers,
//     money is computed from their sums. Nothing rounded is ever summed.
//   - A batch is taken only under the definitions that it was measured under.
package tollbook
