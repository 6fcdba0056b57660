// Package oauth is Tollbook's OAuth 2.0: a small issuer of access tokens for
// programs (RFC 6749, grant client_credentials), and the check of a bearer
// token, whether the built-in issuer or an external one signed it.
//
// # The built-in issuer
//
// The token endpoint is Issuer + "/oauth/token". It takes POST with a form of
// at most MaxFormBytes; parameters in the query string are not looked at, and
// one that is repeated is refused. It authenticates clients in two ways:
//
//   - client_secret_basic (RFC 6749, section 2.3.1): id and secret are
//     form-encoded before Base64. Secrets are random, 256 bits, and only their
//     SHA-256 is kept; it is compared in constant time, and an unknown client
//     costs as much as a wrong secret.
//   - private_key_jwt (RFC 7523): signed with ES256, ES384, RS256 or EdDSA, the
//     algorithm being the one that the registered key is made for. The
//     audience is the issuer or the token endpoint's URL, exactly; exp is at
//     most MaxAssertionLife ahead; clocks may differ by Skew. An assertion's
//     jti is accepted once per client: the ledger remembers it until the
//     assertion has expired, so a restart changes nothing. When the ledger
//     cannot say, the answer is 503 and no token.
//
// A secret in the body (client_secret_post) is refused, and so are two ways at
// once. Errors are those of RFC 6749, section 5.2.
//
// An access token is a JWT (RFC 9068), signed with ES256 by the newest key of
// a file (Keys), good for an hour unless configured otherwise. Rotating the
// keys takes effect without a restart; a retired key stays published and
// accepted until the tokens that it signed have expired.
//
// # The check
//
// Server.Verify looks at type, algorithm, key, signature, issuer, audience and
// times of a token, and then at the client as it is at that moment: a revoked
// client's tokens end at once, and a scope that was taken away is gone from
// the tokens that name it. Tokens whose signature was found good are
// remembered by their SHA-256, at most cacheSize of them, so that a token in
// constant use costs no signature check; everything else is checked each time.
// A token is never asked which key it should be checked with: key material
// and addresses in its header are ignored.
//
// # An external issuer
//
// With Config.External the built-in issuer is off: its token endpoint answers
// 404 with an OAuth error that names the issuer, and so does its key set. The
// external issuer's keys are found by its discovery document
// (openid-configuration, else oauth-authorization-server) on first use, and
// looked up anew every keyMaxAge and whenever a token names an unknown key,
// though not more often than every refetchAfter. HTTPS is required except on
// loopback. Algorithms are an allow-list that never includes "none" or a
// symmetric one. While the issuer cannot be reached, tokens signed by a key
// that is known are still checked; for others the error has the code
// tollbook.CodeUnavailable: it is not the token's fault.
//
// A token's client_id (else azp) must be the external id of a client that is
// registered here; its scopes count as far as that client is granted them.
package oauth
