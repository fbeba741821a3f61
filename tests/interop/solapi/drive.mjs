// The public SDK against the practice bank's Solapi: what we did not write judges whether the fake speaks the dialect.
// Usage: node drive.mjs PORT SECRET
import assert from 'node:assert/strict';
import { SolapiMessageService } from 'solapi';

const [port, secret] = process.argv.slice(2);

// The SDK's address is fixed: everything meant for the vendor goes to loopback, anything else fails.
const elsewhere = globalThis.fetch;
globalThis.fetch = (target, options) => {
  const url = new URL(typeof target === 'string' ? target : target.url ?? target);
  assert.equal(url.origin, 'https://api.solapi.com');
  return elsewhere(`http://127.0.0.1:${port}${url.pathname}${url.search}`, options);
};

const service = new SolapiMessageService('NCSTIDEGATE00001', secret);
const sms = (to, text = '카드가 도착합니다') => ({ to, from: '0212345678', text, type: 'SMS' });

// Many at once, one of them by Alimtalk, one with characters no phone shows.
const sent = await service.send(
  [
    sms('01012340001'),
    {
      to: '01012340002',
      from: '0212345678',
      type: 'ATA',
      kakaoOptions: { pfId: 'KA01PF1', templateId: 'KA01TP1', variables: { '#{name}': '김하나' }, disableSms: true },
    },
    sms('01012340003', '혜택 😀'),
  ],
  { showMessageList: true },
);
assert.equal(sent.groupInfo.status, 'SENDING');
assert.equal(sent.groupInfo.count.registeredSuccess, 2);
assert.equal(sent.failedMessageList.length, 1);
assert.equal(sent.failedMessageList[0].statusCode, '1029');
assert.equal(sent.messageList.length, 2);

// The group flow, which is what tidegate itself uses.
const group = await service.createGroup();
const added = await service.addMessagesToGroup(group, [sms('01012340004'), sms('01012340004')]);
assert.equal(added.errorCount, '1');
assert.deepEqual(added.resultList.map((one) => one.statusCode), ['2000', '1026']);
assert.equal((await service.getGroup(group)).status, 'PENDING');
assert.equal((await service.sendGroup(group)).status, 'SENDING');
await assert.rejects(() => service.sendGroup(group));
const dropped = await service.createGroup();
await service.removeGroup(dropped);
assert.equal((await service.getGroup(dropped)).status, 'DELETED');

// Reports: first under way, then what became of each; a text to 010-4104 gets 3104.
await service.send(sms('01041040005'));
await new Promise((resolve) => setTimeout(resolve, 300));
const reports = Object.values((await service.getMessages({ groupId: sent.groupInfo.groupId })).messageList);
assert.equal(reports.length, 2);
for (const report of reports) assert.equal(report.statusCode, '4000');
const all = Object.values((await service.getMessages()).messageList);
assert.equal(all.find((one) => one.to === '01041040005').statusCode, '3104');

// A wrong secret.
await assert.rejects(() => new SolapiMessageService('NCSTIDEGATE00001', 'wrong').createGroup());

console.log('PASS: solapi drives the practice Solapi: send-many, groups, reports, refusals');
