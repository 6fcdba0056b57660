package main

import (
	"fmt"
	"strconv"

	"tollbook/client"
)

// grouped returns n with a comma at each thousand.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural returns "1 thing" or "2 things".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(n) + " " + thing + "s"
}

func pageNote(p client.PageInfo) string {
	return fmt.Sprintf("This is page %s of %s (%s in all); 'tollbook usage --all' shows every one.", grouped(p.Page), grouped(p.TotalPages), plural(p.Total, "record"))
}
