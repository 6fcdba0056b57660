// The library of the Standard Webhooks convention: what it makes of a message,
// and of the same with one letter changed.

import { report, settings } from './shared.mjs';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(settings.secret);

function verify(body) {
  try {
    return webhook.verify(body, settings.headers);
  } catch (err) {
    return { refused: err.message };
  }
}

report({ message: verify(settings.body), forged: verify(settings.body.replace('alert', 'alarm')) });
