// jsforce as it is, with nothing but a gateway session: an instance URL and a token, both the gateway's.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import jsforce from 'jsforce';

import { connectUser, startApp, startEmulator, startServer } from '../support/latchkey.mjs';

const limit = { timeout: 60_000 };
let emulator;
let server;
let app;
let id;

before(async () => {
    emulator = await startEmulator();
    server = await startServer(emulator.url);
    app = await startApp(server);
    id = await connectUser(server, app);
}, limit);
after(async () => {
    await app?.stop();
    await server?.stop();
    await emulator?.stop();
});

async function open(wish = {}) {
    const { status, json } = await server.call('POST', `/v1/connections/${id}/sessions`, wish);
    assert.equal(status, 201);
    return json;
}

async function connect(more = {}) {
    const session = await open();
    return new jsforce.Connection({
        version: '62.0', instanceUrl: session.instance_url, accessToken: session.access_token, ...more });
}

test('jsforce reads and writes records with a gateway session', limit, async () => {
    const connection = await connect();
    const five = await connection.query('SELECT Id, Name FROM Account ORDER BY Name LIMIT 5');
    assert.equal(five.records.length, 5);
    const accounts = connection.sobject('Account');
    const made = await accounts.create({ Name: 'O\'Neill & Søn' });
    assert.equal(made.success, true);
    await accounts.update({ Id: made.id, Industry: 'Energy' });
    assert.equal((await accounts.retrieve(made.id)).Industry, 'Energy');
    const several = await accounts.create([{ Name: 'One' }, { Name: 'Two' }]);
    assert.deepEqual(several.map((one) => one.success), [true, true]);
    await accounts.destroy([made.id, ...several.map((one) => one.id)]);
    await assert.rejects(connection.query('SELECT Nothing FROM Account'),
        { errorCode: 'INVALID_FIELD' });
    assert.ok(connection.limitInfo.apiUsage.used > 0);
});

test('jsforce reads an answer of many pages to its end at the gateway', limit, async () => {
    const connection = await connect();
    const { totalSize } = await connection.query('SELECT COUNT() FROM Contact');
    const all = await connection.query('SELECT Id FROM Contact',
        { autoFetch: true, maxFetch: 100_000, headers: { 'Sforce-Query-Options': 'batchSize=200' } });
    assert.equal(new Set(all.records.map((record) => record.Id)).size, totalSize);
});

test('jsforce loads and queries in bulk, for which it drops the path of an instance URL', limit,
    async () => {
        const connection = await connect();
        connection.bulk2.pollInterval = 50;
        const input = Array.from({ length: 30 }, (_, i) => ({ Name: `Gateway ${i}` }));
        const loaded = await connection.bulk2.loadAndWaitForResults(
            { object: 'Account', operation: 'insert', input, pollInterval: 50, pollTimeout: 30_000 });
        assert.equal(loaded.successfulResults.length, 30);
        assert.equal(loaded.failedResults.length, 0);
        const stream = await connection.bulk2.query(
            "SELECT Id, Name FROM Account WHERE Name LIKE 'Gateway %'", { pollInterval: 50 });
        const rows = await stream.toArray();
        assert.equal(rows.length, 30);
    });

test('jsforce asks who the user is, and its token goes to the gateway alone', limit, async () => {
    const connection = await connect();
    const identity = await connection.identity();
    const { json: row } = await server.call('GET', `/v1/connections/${id}`);
    assert.equal(identity.username, 'ada@acme.example');
    assert.equal(identity.user_id, row.user_id);
    assert.equal(new URL(identity.id).origin, server.url);
});

test('a dead session of Salesforce is none of jsforce\'s business', limit, async () => {
    const connection = await connect();
    const before = (await emulator.control('GET', 'ledger')).totals.refreshes;
    for (let i = 0; i < 2; ++i) {
        await emulator.control('POST', 'sessions/expire');
        assert.equal((await connection.query('SELECT Id FROM Account LIMIT 1')).records.length, 1);
    }
    const { totals } = await emulator.control('GET', 'ledger');
    assert.deepEqual([totals.refreshes - before, totals.reuses], [2, 0]);
});

test('jsforce refreshes a gateway session at the gateway, again and again, and revokes it', limit,
    async () => {
        const session = await open({ refresh: true });
        const connection = new jsforce.Connection({
            version: '62.0',
            oauth2: { loginUrl: session.instance_url, clientId: 'any' },
            instanceUrl: session.instance_url, accessToken: session.access_token,
            refreshToken: session.refresh_token });
        for (let i = 0; i < 2; ++i) {
            const old = connection.accessToken;
            const { json } = await server.call('GET', `/v1/connections/${id}/sessions`);
            const named = json.items.find((item) => old.includes(`!${item.id}.`));
            await fetch(`${server.url}/v1/connections/${id}/sessions/${named.id}`, {
                method: 'DELETE', headers: { authorization: `Bearer ${server.key}` } });
            assert.equal((await connection.query('SELECT Id FROM Account LIMIT 1')).totalSize, 1);
            assert.notEqual(connection.accessToken, old);
        }
        const token = connection.accessToken;
        await connection.logout(true);
        const refused = await fetch(`${server.url}/services/data/v62.0/limits`, {
            headers: { authorization: `Bearer ${token}` } });
        assert.equal(refused.status, 401);
        assert.equal((await refused.json())[0].errorCode, 'INVALID_SESSION_ID');
    });
