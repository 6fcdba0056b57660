// Package interop runs clients that were not written here against a Tollbook
// server, unchanged: golang.org/x/oauth2/clientcredentials, and with Node
// openid-client (HTTP Basic and private_key_jwt), the HAL clients Ketting and
// Traverson, and between them and the server Prism, a proxy that holds every
// request and answer to openapi.yaml and fails those that do not match.
//
// Each client follows next from the first page to the last and must come by
// every record once, and once only. The package has nothing but this test.
//
// The packages that Node needs are pinned in package.json and
// package-lock.json; the test installs them beside it when they are missing
// or others. Where Node is not installed, or the packages cannot be, the tests
// are skipped and say in one line, NOT RUN, what was left out and why.
package interop
