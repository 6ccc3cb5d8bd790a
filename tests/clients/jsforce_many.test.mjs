// jsforce's ways with many records against the emulator: collections, Bulk API 2.0, paging.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import jsforce from 'jsforce';

import { startEmulator } from '../support/latchkey.mjs';
import { walk } from '../support/walk.mjs';

const limit = { timeout: 60_000 };
const redirectUri = 'http://127.0.0.1:9/callback';
let emulator;
let connection;

before(async () => {
    emulator = await startEmulator();
    const oauth2 = new jsforce.OAuth2({
        loginUrl: emulator.url, clientId: 'latchkey-demo', clientSecret: 'latchkey-demo-secret',
        redirectUri, useVerifier: true });
    const callback = await walk(
        oauth2.getAuthorizationUrl({ scope: 'api id refresh_token', state: 'x' }), redirectUri);
    connection = new jsforce.Connection({ oauth2, version: '62.0' });
    await connection.authorize(callback.searchParams.get('code'));
    connection.bulk2.pollInterval = 50;
}, limit);
after(async () => { await emulator?.stop(); }, limit);

test('jsforce creates, changes, reads and deletes several records in one call each', limit, async () => {
    const accounts = connection.sobject('Account');
    const made = await accounts.create([{ Name: 'One' }, { Name: '' }, { Name: 'Two' }]);
    assert.deepEqual(made.map((one) => one.success), [true, false, true]);
    assert.equal(made[1].errors[0].statusCode, 'REQUIRED_FIELD_MISSING');
    const ids = [made[0].id, made[2].id];

    const changed = await accounts.update(ids.map((Id) => ({ Id, Industry: 'Energy' })));
    assert.ok(changed.every((one) => one.success));
    const read = await accounts.retrieve(ids);
    assert.deepEqual(read.map((one) => [one.Name, one.Industry]),
        [['One', 'Energy'], ['Two', 'Energy']]);
    const gone = await accounts.destroy(ids);
    assert.deepEqual(gone.map((one) => one.id), ids);
});

test('jsforce takes back all of a collection that is to be whole', limit, async () => {
    const made = await connection.sobject('Account').create(
        [{ Name: 'Half' }, { Name: '' }], { allOrNone: true }).catch((error) => error);
    assert.ok(made instanceof Error || made.every((one) => !one.success));
    const { totalSize } = await connection.query("SELECT COUNT() FROM Account WHERE Name = 'Half'");
    assert.equal(totalSize, 0);
});

test('jsforce loads and queries in bulk', limit, async () => {
    const rows = Array.from({ length: 300 }, (_, i) => ({ Name: `Bulk, "${i}"`, Phone: `${i}` }));
    rows.push({ Name: '', Phone: 'none' });
    const results = await connection.bulk2.loadAndWaitForResults({
        object: 'Account', operation: 'insert', input: rows, pollInterval: 50 });
    assert.equal(results.successfulResults.length, 300);
    assert.equal(results.failedResults.length, 1);
    assert.match(results.failedResults[0].sf__Error, /REQUIRED_FIELD_MISSING/);
    assert.equal(results.unprocessedRecords.length, 0);

    const stream = await connection.bulk2.query(
        "SELECT Id, Name FROM Account WHERE Name LIKE 'Bulk,%'", { pollInterval: 50 });
    const found = await stream.toArray();
    assert.equal(found.length, 300);
    assert.ok(found.some((one) => one.Name === 'Bulk, "299"'));
});

test('jsforce reads generated records to their end', limit, async () => {
    await emulator.control('POST', 'data', { generated_records: 20_001 });
    const all = await connection.query('SELECT Id, Value__c FROM Measurement__c',
        { autoFetch: true, maxFetch: 100_000 });
    assert.equal(all.records.length, 20_001);
    assert.equal(new Set(all.records.map((record) => record.Id)).size, 20_001);
});

test('when the day is used up jsforce is told so', limit, async () => {
    await emulator.control('POST', 'data', { daily_limit: 1 });
    await connection.query('SELECT Id FROM Account LIMIT 1');
    await assert.rejects(connection.query('SELECT Id FROM Account LIMIT 1'),
        { errorCode: 'REQUEST_LIMIT_EXCEEDED' });
    await emulator.control('POST', 'data', { daily_limit: 15_000 });
});
