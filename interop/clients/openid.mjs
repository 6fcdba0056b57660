// openid-client finds the token endpoint by discovery and authenticates by
// HTTP Basic or by private_key_jwt.

import { firstEvents, firstPage, follow, report, settings } from './shared.mjs';
import * as openid from 'openid-client';

async function authentication() {
  if (!settings.privateKey) return openid.ClientSecretBasic(settings.clientSecret);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const key = await crypto.subtle.importKey('jwk', settings.privateKey, algorithm, false, ['sign']);
  return openid.PrivateKeyJwt({ key, kid: settings.privateKey.kid });
}

const config = await openid.discovery(new URL(settings.issuer), settings.clientId, undefined, await authentication(), {
  algorithm: 'oauth2',
  execute: [openid.allowInsecureRequests], // the server is on this machine and speaks http
});
const token = await openid.clientCredentialsGrant(config, { scope: settings.scope });

async function get(url) {
  const response = await openid.fetchProtectedResource(config, token.access_token, new URL(url), 'GET');
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

report({
  scope: token.scope,
  usage: await follow(firstPage, async (url) => {
    const page = await get(url);
    // The links at the top level are the documented ones.
    return { items: page._embedded.usage.map((record) => record.id), next: page.next?.href };
  }),
  events: await follow(firstEvents, async (url) => {
    const page = await get(url);
    return { items: page._embedded.events.map((event) => event.id), next: page._links.next?.href };
  }),
});
