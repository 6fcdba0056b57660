package demo

import "tollbook"

// product is what usage of a type is booked on.
type product struct {
	of                              tollbook.UsageType
	id, aggregated                  string
	name                            string
	family, unitOfMeasure, chargeBy string
}

// products has one product for each usage type.
func products() []product {
	const usage = "USAGE"
	return []product{
		{tollbook.AMD, "TD-AMD-DET-UG-100101", "TD-USG-TEL-UG-102201", "Answering machine detection", "PRODUCT_USAGE_RATE", "PER_USE", usage},
		{tollbook.APIRequest, "TD-API-REQ-UG-100102", "TD-USG-API-UG-102202", "API requests", "PRODUCT_USAGE_RATE", "PER_API_CALL", usage},
		{tollbook.Call, "TD-TEL-CAL-UG-100103", "TD-USG-TEL-UG-102203", "Calls", "PRODUCT_USAGE_RATE", "PER_MINUTE", usage},
		{tollbook.CallService, "TD-TEL-SVC-UG-100104", "TD-USG-TEL-UG-102204", "Call services", "ADD_ON", "PER_MINUTE", usage},
		{tollbook.CreditCommit, "TD-CRD-COM-OT-100105", "TD-CRD-ALL-OT-102205", "Credit commit", "CREDIT", "CREDITS", "ONE_TIME"},
		{tollbook.Dialer, "TD-DIA-MIN-UG-100106", "TD-USG-TEL-UG-102206", "Dialer", "ADD_ON", "PER_MINUTE", usage},
		{tollbook.Message, "TD-MSG-SEG-UG-100107", "TD-USG-MSG-UG-102207", "Messages", "PRODUCT_USAGE_RATE", "PER_USE", usage},
		{tollbook.Number, "TD-LIC-APP-RC-101910", "TD-USG-TEL-UG-102213", "Phone numbers", "LICENSE", "EACH", "RECURRING"},
		{tollbook.ProductService, "TD-LIC-SEA-RC-100109", "TD-LIC-ALL-RC-102209", "Agent seat", "LICENSE", "PER_SEAT", "FIXED_RECURRING"},
		{tollbook.Recharge, "TD-CRD-RCH-OT-100110", "TD-CRD-ALL-OT-102205", "Recharge", "CREDIT", "CREDITS", "ONE_TIME"},
		{tollbook.SpeechTranscription, "TD-TRA-SPE-UG-100111", "TD-USG-TRA-UG-102211", "Speech transcription", "ADD_ON", "PER_MINUTE", usage},
		{tollbook.VoicemailTranscription, "TD-TRA-VOI-UG-100112", "TD-USG-TRA-UG-102211", "Voicemail transcription", "ADD_ON", "PER_MINUTE", usage},
		{tollbook.OtherType, "TD-STO-GBM-UG-100113", "TD-USG-STO-UG-102214", "Storage", "ADD_ON", "PER_GB", usage},
	}
}

func productOf(t tollbook.UsageType) product {
	for _, p := range products() {
		if p.of == t {
			return p
		}
	}
	panic("demo: no product for " + t.String())
}
