// jsforce, the usual Salesforce client of JavaScript, takes the emulator for Salesforce, and
// latchkey's proxy too.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import jsforce from 'jsforce';

import { connectUser, startApp, startEmulator, startServer } from '../support/latchkey.mjs';
import { walk } from '../support/walk.mjs';

const limit = { timeout: 60_000 };
const redirectUri = 'http://127.0.0.1:9/callback';
let emulator;

before(async () => { emulator = await startEmulator(); }, limit);
after(async () => { await emulator?.stop(); }, limit);

function newOAuth2() {
    return new jsforce.OAuth2({
        loginUrl: emulator.url, clientId: 'latchkey-demo', clientSecret: 'latchkey-demo-secret',
        redirectUri, useVerifier: true });
}

async function logIn(oauth2 = newOAuth2()) {
    const url = oauth2.getAuthorizationUrl({ scope: 'api id refresh_token', state: 'a&b=c+d é' });
    const callback = await walk(url, redirectUri);
    assert.equal(callback.searchParams.get('state'), 'a&b=c+d é');
    const connection = new jsforce.Connection({ oauth2 });
    const user = await connection.authorize(callback.searchParams.get('code'));
    return { connection, user };
}

/// What every connection of jsforce must be able to do, whoever answers it.
async function worksWithRecords(connection) {
    const five = await connection.query('SELECT Id, Name FROM Account ORDER BY Name LIMIT 5');
    assert.equal(five.records.length, 5);
    assert.equal(five.done, true);

    const made = await connection.sobject('Account').create({ Name: 'O\'Neill & Søn' });
    assert.equal(made.success, true);
    await connection.sobject('Account').update({ Id: made.id, Industry: 'Energy' });
    const read = await connection.sobject('Account').retrieve(made.id);
    assert.equal(read.Name, 'O\'Neill & Søn');
    assert.equal(read.Industry, 'Energy');
    const found = await connection.sobject('Account').find({ Name: 'O\'Neill & Søn' }, ['Id']);
    assert.equal(found[0].Id, made.id);
    await connection.sobject('Account').destroy(made.id);
    await assert.rejects(connection.sobject('Account').retrieve(made.id),
        (error) => error.errorCode === 'ENTITY_IS_DELETED' || error.errorCode === 'NOT_FOUND');
    await assert.rejects(connection.query('SELECT Nothing FROM Account'),
        { errorCode: 'INVALID_FIELD' });
}

test('jsforce logs in with a code and PKCE, reads and writes', limit, async () => {
    const { connection, user } = await logIn();
    assert.match(user.id, /^005/);
    assert.match(user.organizationId, /^00D/);
    assert.equal(connection.instanceUrl, emulator.url);
    await worksWithRecords(connection);
    const identity = await connection.identity();
    assert.equal(identity.username, 'ada@acme.example');
    const versions = await connection.request('/services/data');
    assert.ok(versions.length > 3);
    const described = await connection.sobject('Account').describe();
    assert.ok(described.fields.some((field) => field.name === 'Name'));
    const limits = await connection.limits();
    assert.ok(limits.DailyApiRequests.Max > 0);
    assert.ok(connection.limitInfo.apiUsage.used > 0);
});

test('jsforce reads an answer of many pages to its end', limit, async () => {
    const { connection } = await logIn();
    const { totalSize } = await connection.query('SELECT COUNT() FROM Contact');
    const all = await connection.query('SELECT Id, LastName FROM Contact',
        { autoFetch: true, maxFetch: 100_000, headers: { 'Sforce-Query-Options': 'batchSize=200' } });
    assert.equal(all.records.length, totalSize);
    assert.equal(new Set(all.records.map((record) => record.Id)).size, totalSize);
});

test('without rotation jsforce refreshes by itself, again and again', limit, async () => {
    await emulator.control('POST', 'clients', { client_id: 'latchkey-demo', rotation: false });
    const { connection } = await logIn();
    for (let i = 0; i < 3; ++i) {
        await emulator.control('POST', 'sessions/expire');
        assert.equal((await connection.query('SELECT Id FROM Account LIMIT 1')).records.length, 1);
    }
    await emulator.control('POST', 'clients', { client_id: 'latchkey-demo', rotation: true });
});

test('with rotation jsforce alone presents a spent token, and the ledger tells', limit, async () => {
    await emulator.control('POST', 'reset');
    const { connection } = await logIn();
    await emulator.control('POST', 'sessions/expire');
    await connection.query('SELECT Id FROM Account LIMIT 1');
    assert.equal((await emulator.control('GET', 'ledger')).totals.reuses, 0);
    await emulator.control('POST', 'sessions/expire');
    await assert.rejects(connection.query('SELECT Id FROM Account LIMIT 1'));
    const { totals } = await emulator.control('GET', 'ledger');
    assert.equal(totals.refreshes, 1);
    assert.ok(totals.reuses >= 1);
    assert.equal(totals.live_tokens, 0);
});

test('jsforce revokes what it was given', limit, async () => {
    await emulator.control('POST', 'reset');
    const { connection } = await logIn();
    await connection.logout(true);
    assert.equal((await emulator.control('GET', 'ledger')).totals.live_tokens, 0);
});

test('through latchkey jsforce outlives dead sessions although tokens rotate', limit, async () => {
    await emulator.control('POST', 'reset');
    const server = await startServer(emulator.url);
    const app = await startApp(server);
    try {
        const id = await connectUser(server, app);
        const connection = new jsforce.Connection({
            instanceUrl: `${server.url}/proxy/${id}`, accessToken: server.key });
        await worksWithRecords(connection);
        for (let i = 0; i < 2; ++i) {
            await emulator.control('POST', 'sessions/expire');
            await worksWithRecords(connection);
        }
        const { totals } = await emulator.control('GET', 'ledger');
        assert.deepEqual([totals.refreshes, totals.reuses], [2, 0]);
    } finally {
        await app.stop();
        await server.stop();
    }
});
