// The public SDK against the practice bank's FCM: what we did not write judges whether the fake speaks the dialect.
// Usage: node drive.cjs PORT SERVICE_ACCOUNT.json
const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');

const [port, file] = process.argv.slice(2);

// The SDK's addresses are fixed: everything meant for Google goes to loopback, anything else fails.
https.request = (options, done) => {
  assert.ok(['fcm.googleapis.com', '127.0.0.1'].includes(options.hostname ?? options.host), options.hostname);
  return http.request({ ...options, protocol: 'http:', hostname: '127.0.0.1', host: '127.0.0.1', port, agent: undefined }, done);
};

const { initializeApp } = require('firebase-admin/app');
const { getMessaging } = require('firebase-admin/messaging');

const account = JSON.parse(fs.readFileSync(file, 'utf8'));
const credential = {
  // The SDK's own credential asks a fixed address of Google's; the grant is the standard one.
  async getAccessToken() {
    const body = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: 'a.b.c' });
    const reply = await fetch(account.token_uri, { method: 'POST', body });
    assert.equal(reply.status, 200);
    return reply.json();
  },
};

(async () => {
  const messaging = getMessaging(initializeApp({ credential, projectId: account.project_id }));
  messaging.enableLegacyHttpTransport?.();
  const message = (token) => ({
    token,
    notification: { title: '(광고) 혜택', body: '도착했어요' },
    data: { link: 'bankapp://benefit/7' },
    android: { priority: 'high', ttl: 4 * 3600 * 1000, collapseKey: 'benefit', notification: { tag: 'benefit' } },
  });

  const name = await messaging.send(message('token-1'));
  assert.match(name, new RegExp(`^projects/${account.project_id}/messages/`));

  const batch = await messaging.sendEach([message('token-2'), message('dead-1'), message('token-3')]);
  assert.equal(batch.successCount, 2);
  assert.equal(batch.failureCount, 1);
  assert.equal(batch.responses[1].error.code, 'messaging/registration-token-not-registered');

  await assert.rejects(
    () => messaging.send({ ...message('token-4'), data: { text: 'x'.repeat(5000) } }),
    (error) => ['messaging/invalid-argument', 'messaging/invalid-payload'].includes(error.code) || /too big/i.test(error.message),
  );
  console.log('PASS: firebase-admin drives the practice FCM: send, sendEach, dead tokens, refusals');
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
