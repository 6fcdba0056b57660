// Package apitest holds an HTTP API to its OpenAPI document. A Checker looks
// at every answer that passes through it and reports, as test errors, all that
// the document does not say: an operation, a status, a media type or a header
// that is missing, a body that does not match its schema. It also remembers
// which operations answered with which status, so that a test can tell what
// was never tried. Messages that the server sends to others are held to the
// document's webhooks likewise.
//
// Schemas are JSON Schema 2020-12, as OpenAPI 3.1 has them, and are checked by
// a validator of that standard. JSON is read strictly: a key that is there
// twice, bytes that are not UTF-8 or anything behind the value are faults, and
// a number in a string is not a number.
package apitest
