package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejson "github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"
)

// External names an issuer other than the built-in one, any OpenID provider.
type External struct {
	IssuerURL  string       // as tokens name it in iss; https, or on loopback
	Audience   string       // that tokens must name in aud
	Algorithms []string     // accepted; none: RS256, ES256, EdDSA
	HTTPClient *http.Client // nil: one with a time limit of 10 s
}

// recheckAfter is how long the signature of an external issuer's token is
// taken to be good: it may take the key back.
const recheckAfter = 5 * time.Minute

type externalIssuer struct {
	url        string
	audience   string
	algorithms []jose.SignatureAlgorithm
	discovery
}

func newExternalIssuer(x External, clock func() time.Time) (*externalIssuer, error) {
	if err := checkFetchable(x.IssuerURL); err != nil {
		return nil, fmt.Errorf("oauth: external issuer %q: %w", x.IssuerURL, err)
	}
	if x.Audience == "" {
		return nil, errors.New("oauth: an external issuer needs an audience")
	}
	algorithms, err := externalAlgorithms(x.Algorithms)
	if err != nil {
		return nil, err
	}
	client := x.HTTPClient
	if client == nil {
		client = newHTTPClient()
	}
	return &externalIssuer{
		url: x.IssuerURL, audience: x.Audience, algorithms: algorithms,
		discovery: discovery{issuer: x.IssuerURL, client: client, clock: clock},
	}, nil
}

// externalAlgorithms checks an allow-list.
func externalAlgorithms(names []string) ([]jose.SignatureAlgorithm, error) {
	if len(names) == 0 {
		return []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}, nil
	}
	possible := []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
		jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	}
	var out []jose.SignatureAlgorithm
	for _, name := range names {
		alg := jose.SignatureAlgorithm(name)
		if !slices.Contains(possible, alg) {
			return nil, fmt.Errorf("oauth: algorithm %q of an external issuer is none of %v", name, possible)
		}
		out = append(out, alg)
	}
	return out, nil
}

// externalClaims are the claims of another issuer's token. Issuers differ in
// how they write scopes.
type externalClaims struct {
	jwt.Claims
	ClientID        string     `json:"client_id"`
	AuthorizedParty string     `json:"azp"`
	Scope           scopeClaim `json:"scope"`
	Scp             scopeClaim `json:"scp"`
}

// scopeClaim is a list of scopes, in JSON an array or one string with spaces.
type scopeClaim []string

// UnmarshalJSON reads either form.
func (c *scopeClaim) UnmarshalJSON(b []byte) error {
	var text string
	if josejson.Unmarshal(b, &text) == nil {
		*c = strings.Fields(text)
		return nil
	}
	return josejson.Unmarshal(b, (*[]string)(c))
}

// check checks a token of the external issuer.
func (x *externalIssuer) check(ctx context.Context, bearer string, now time.Time) (*verified, error) {
	token, err := jose.ParseSignedCompact(bearer, x.algorithms)
	if err != nil {
		return nil, tokenError("the token is not a JWT signed with an accepted algorithm", err)
	}
	if !typeIs(token.Signatures[0].Protected, "", "jwt", "at+jwt") {
		return nil, tokenError("the token is not an access token", nil)
	}
	// A token that says it is another issuer's is turned away before anything
	// is fetched on its account.
	var claims externalClaims
	if err := josejson.Unmarshal(token.UnsafePayloadWithoutVerification(), &claims); err != nil {
		return nil, tokenError("the token's claims are malformed", err)
	}
	if err := x.checkClaims(&claims, now); err != nil {
		return nil, err
	}
	if err := x.verifySignature(ctx, bearer); err != nil {
		return nil, err
	}
	expires := claims.Expiry.Time().Add(Skew)
	recheck := now.Add(recheckAfter)
	if expires.Before(recheck) {
		recheck = expires
	}
	return &verified{client: claims.client(), scopes: claims.scopes(), expires: expires, recheck: recheck}, nil
}

func (x *externalIssuer) checkClaims(c *externalClaims, now time.Time) error {
	if err := checkTimes(&c.Claims, x.url, now, Skew); err != nil {
		return err
	}
	if !c.Audience.Contains(x.audience) {
		return tokenError("the token is for another audience", nil)
	}
	if c.client() == "" {
		return tokenError("the token names no client in client_id or azp", nil)
	}
	return nil
}

func (c *externalClaims) client() string {
	if c.ClientID != "" {
		return c.ClientID
	}
	return c.AuthorizedParty
}

func (c *externalClaims) scopes() []string {
	if len(c.Scope) > 0 {
		return c.Scope
	}
	return c.Scp
}

// verifySignature checks a token's signature with the issuer's keys.
func (x *externalIssuer) verifySignature(ctx context.Context, bearer string) error {
	found, err := x.discover(ctx)
	if err != nil {
		return err
	}
	_, err = found.keys.VerifySignature(ctx, bearer)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case err.Error() == "failed to verify id token signature":
		// The key set says so when it has the issuer's latest keys and none
		// fits. All its other errors are about getting them.
		return tokenError("the token's signature is wrong", err)
	}
	return unavailable("The token issuer's keys cannot be fetched.", err)
}
