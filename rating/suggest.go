package rating

import "strings"

// suggest returns a hint at the column that a name is close to, or nothing.
func suggest(name string) string {
	const farthest = 3 // edits
	plain := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(clip(name)))
	best, distance := "", farthest+1
	for _, known := range columnNames {
		if d := editDistance(plain, known); d < distance && d*2 < len(known) {
			best, distance = known, d
		}
	}
	if best == "" {
		return "; the columns are " + strings.Join(columnNames[:], ", ")
	}
	return "; did you mean " + best + "?"
}

// editDistance returns how many bytes must be added, removed or replaced to
// make a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// clip shortens what an error repeats of the card.
func clip(s string) string {
	const longest = 40 // characters
	n := 0
	for i := range s {
		if n++; n > longest {
			return s[:i] + "…"
		}
	}
	return s
}
