package wire_test

import (
	"time"

	"tollbook/wire"
)

var options = wire.Options{Now: time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)}
