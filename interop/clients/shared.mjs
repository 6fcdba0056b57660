// What the runs of all clients share: where the server is and who the client
// is come as JSON in TOLLBOOK_INTEROP, what was found goes to stdout as JSON.

import { webcrypto } from 'node:crypto';

// Node had no global crypto before version 20; clients count on it.
globalThis.crypto ??= webcrypto;

export const settings = JSON.parse(process.env.TOLLBOOK_INTEROP);

// The first page of every run: small pages in an order that can be compared.
export const firstPage = `${settings.issuer}/express/usage/month?order_by=id%3Aasc&per_page=${settings.perPage}`;

// The first page of the events of one record.
export const firstEvents = `${settings.issuer}/express/usage/month/${settings.record}/events?per_page=${settings.perPage}`;

export function report(found) {
  process.stdout.write(JSON.stringify(found) + '\n');
}

// A walk that has not ended after this many pages never will.
const maxPages = 1000;

// follow reads pages from the first to the one that has no next, by way of
// get(page) → {items, next}.
export async function follow(first, get) {
  const items = [];
  let pages = 0;
  for (let page = first; page; pages++) {
    if (pages === maxPages) throw new Error(`there is no end of pages: ${page}`);
    const got = await get(page);
    items.push(...got.items);
    page = got.next;
  }
  return { pages, items };
}
