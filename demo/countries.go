package demo

import (
	_ "embed" // for countriesText
	"strings"
)

// countriesText has a country a line: ISO 3166 code, calling codes, name.
//
//go:embed countries.txt
var countriesText string

// country is a place that can be called.
type country struct {
	iso   string
	codes []string // calling codes, the digits behind the +
	name  string
}

// oftenCalled are the countries that most calls abroad go to.
var oftenCalled = []string{"US", "CA", "GB", "DE", "FR", "ES", "IT", "NL", "IE", "PT", "PL", "CH", "MX", "BR", "IN", "CN", "JP", "AU", "NZ", "SG", "PH", "AE", "ZA", "KR"}

// countries reads the table.
func countries() []country {
	var all []country
	for line := range strings.Lines(countriesText) {
		iso, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		codes, name, _ := strings.Cut(rest, " ")
		all = append(all, country{iso, strings.Split(codes, ";"), name})
	}
	return all
}
