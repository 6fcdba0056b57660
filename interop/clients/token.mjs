// A token for clients that fetch none themselves.

import { settings } from './shared.mjs';
import * as openid from 'openid-client';

export async function clientSecretToken() {
  const config = await openid.discovery(
    new URL(settings.issuer),
    settings.clientId,
    undefined,
    openid.ClientSecretBasic(settings.clientSecret),
    { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] },
  );
  return openid.clientCredentialsGrant(config, { scope: settings.scope });
}
