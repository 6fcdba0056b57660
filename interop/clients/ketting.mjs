// Ketting follows HAL links, and takes embedded records from the page that
// they came in: it leaves out those that have no self link of their own.

import { firstEvents, firstPage, follow, report, settings } from './shared.mjs';
import { OAuth2Client, OAuth2Fetch } from '@badgateway/oauth2-client';
import { Client } from 'ketting';

const oauth2 = new OAuth2Client({
  server: settings.issuer,
  discoveryEndpoint: '/.well-known/oauth-authorization-server',
  clientId: settings.clientId,
  clientSecret: settings.clientSecret,
});
let scope;
const tokens = new OAuth2Fetch({
  client: oauth2,
  getNewToken: async () => {
    const token = await oauth2.clientCredentials({ scope: settings.scope.split(' ') });
    scope = token.scope?.join(' ') ?? settings.scope;
    return token;
  },
});

let requests = 0;
const client = new Client(settings.issuer);
client.use(tokens.mw());
client.use(async (request, next) => {
  requests++;
  return next(request);
});

const usage = await follow(client.go(firstPage), async (resource) => {
  const page = await resource.get();
  const items = [];
  for (const record of page.followAll('usage')) {
    const state = await record.get();
    if (typeof state.data.total_amount !== 'number') throw new Error(`${record.uri} has no total_amount`);
    items.push(state.data.id);
  }
  return { items, next: page.links.has('next') ? page.follow('next') : undefined };
});
if (requests !== usage.pages) throw new Error(`${requests} requests for ${usage.pages} pages: records were not taken from their pages`);

// A record leads to its events by its link, and they back to it.
const back = await client.go(`${settings.issuer}/express/usage/month/${settings.record}`).follow('events').follow('record');
const record = await back.get();
if (record.data.id !== settings.record) throw new Error(`the events of ${settings.record} lead to ${record.data.id}`);

report({
  scope,
  usage,
  events: await follow(client.go(firstEvents), async (resource) => {
    const page = await resource.get();
    // Events have no address of their own, so Ketting keeps none of them.
    const body = await (await client.fetcher.fetch(page.uri)).json();
    return {
      items: body._embedded.events.map((event) => event.id),
      next: page.links.has('next') ? page.follow('next') : undefined,
    };
  }),
});
