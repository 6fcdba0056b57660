package tollbook

// The enumerations of a usage record, as the public Billing Insights API
// reference (Get Monthly Usage) lists them. The numbers are written to disk:
// values are only ever added, at the end.

// UsageType says what was used. The zero value is no type.
type UsageType uint8

// Direction of an interaction. The zero value is null: not applicable.
type Direction uint8

// Resolution is how an interaction ended. The zero value is null: not
// applicable.
type Resolution uint8

// Unit of measure of a quantity. The zero value is no unit.
type Unit uint8

// The usage types.
const (
	AMD UsageType = iota + 1
	APIRequest
	Call
	CallService
	CreditCommit
	Dialer
	Message
	Number
	ProductService
	Recharge
	SpeechTranscription
	VoicemailTranscription
	OtherType
)

// The directions.
const (
	Inbound Direction = iota + 1
	Outbound
	OtherDirection
)

// The resolutions.
const (
	Abandoned Resolution = iota + 1
	Answered
	Machine
	Missed
	Voicemail
	OtherResolution
)

// The units.
const (
	Chars Unit = iota + 1
	Conversations
	GB
	Minutes
	Numbers
	Pages
	Requests
	Seconds
	Segments
	Sessions
	OtherUnit
)

// The names on the wire, in the order of the constants.
var (
	usageTypes  = []string{"AMD", "API_REQUEST", "CALL", "CALL_SERVICE", "CREDIT_COMMIT", "DIALER", "MESSAGE", "NUMBER", "PRODUCT_SERVICE", "RECHARGE", "SPEECH_TRANSCRIPTION", "VOICEMAIL_TRANSCRIPTION", "OTHER"}
	directions  = []string{"INBOUND", "OUTBOUND", "OTHER"}
	resolutions = []string{"ABANDONED", "ANSWERED", "MACHINE", "MISSED", "VOICEMAIL", "OTHER"}
	units       = []string{"CHARS", "CONVERSATIONS", "GB", "MINUTES", "NUMBERS", "PAGES", "REQUESTS", "SECONDS", "SEGMENTS", "SESSIONS", "OTHER"}
)

func enumName[E ~uint8](names []string, e E) string {
	if e == 0 || int(e) > len(names) {
		return ""
	}
	return names[e-1]
}

func parseEnum[E ~uint8](names []string, s string) (E, bool) {
	for i, name := range names {
		if name == s {
			return E(i + 1), true
		}
	}
	return 0, false
}

// String returns the name on the wire, "" for none.
func (t UsageType) String() string { return enumName(usageTypes, t) }

// String returns the name on the wire, "" for null.
func (d Direction) String() string { return enumName(directions, d) }

// String returns the name on the wire, "" for null.
func (r Resolution) String() string { return enumName(resolutions, r) }

// String returns the name on the wire, "" for none.
func (u Unit) String() string { return enumName(units, u) }

// ParseUsageType reads a name on the wire.
func ParseUsageType(s string) (UsageType, bool) { return parseEnum[UsageType](usageTypes, s) }

// ParseDirection reads a name on the wire.
func ParseDirection(s string) (Direction, bool) { return parseEnum[Direction](directions, s) }

// ParseResolution reads a name on the wire.
func ParseResolution(s string) (Resolution, bool) { return parseEnum[Resolution](resolutions, s) }

// ParseUnit reads a name on the wire.
func ParseUnit(s string) (Unit, bool) { return parseEnum[Unit](units, s) }

// UsageTypes returns the names of all usage types.
func UsageTypes() []string { return append([]string(nil), usageTypes...) }

// Directions returns the names of all directions.
func Directions() []string { return append([]string(nil), directions...) }

// Resolutions returns the names of all resolutions.
func Resolutions() []string { return append([]string(nil), resolutions...) }

// Units returns the names of all units.
func Units() []string { return append([]string(nil), units...) }

// DefaultUnit is the unit of an event of type t that names none.
func (t UsageType) DefaultUnit() Unit {
	switch t {
	case Call, CallService, AMD, Dialer, SpeechTranscription, VoicemailTranscription:
		return Seconds
	case Message:
		return Segments
	case Number:
		return Numbers
	case APIRequest:
		return Requests
	}
	return OtherUnit
}

// PutIn tells whether events of type t are amounts put in, not used: they are
// totalled apart from usage.
func (t UsageType) PutIn() bool { return t == Recharge || t == CreditCommit }
