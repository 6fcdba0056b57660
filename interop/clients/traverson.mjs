// Traverson with its HAL adapter walks links by their names.

import { firstEvents, firstPage, follow, report, settings } from './shared.mjs';
import { clientSecretToken } from './token.mjs';
import traverson from 'traverson';
import JsonHalAdapter from 'traverson-hal';

traverson.registerMediaType(JsonHalAdapter.mediaType, JsonHalAdapter);

const token = await clientSecretToken();

// walk starts at an address and follows links by name.
function walk(from, ...names) {
  return new Promise((resolve, reject) => {
    traverson
      .from(from)
      .jsonHal()
      .withRequestOptions({ headers: { authorization: `Bearer ${token.access_token}` } })
      .follow(...names)
      .getResource((err, document) => (err ? reject(err) : resolve(document)));
  });
}

// read turns a page into its items and the walk that leads to the next one:
// from the page before, by its link named next.
function read(relation) {
  return async ({ from, names }) => {
    const page = await walk(from, ...names);
    if (!page._embedded) throw new Error(`${from} ${names}: ${JSON.stringify(page)}`);
    return {
      items: page._embedded[relation].map((item) => item.id),
      next: page._links.next && { from: page._links.self.href, names: ['next'] },
    };
  };
}

const usage = await follow({ from: firstPage, names: [] }, read('usage'));

// One walk over pages, an embedded record and its links.
const events = await walk(firstPage, 'next', 'prev', 'usage[0]', 'events');
if (!events._embedded.events.length) throw new Error('a record has no events');

report({
  scope: token.scope,
  usage,
  events: await follow({ from: firstEvents, names: [] }, read('events')),
});
