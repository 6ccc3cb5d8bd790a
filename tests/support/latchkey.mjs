// Starts latchkey's processes for tests in JavaScript. LATCHKEY_BINARY names the program.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { walk } from './walk.mjs';

const binary = process.env.LATCHKEY_BINARY;

/// A process whose first line on standard output says that it is ready.
export async function start(folder, ...args) {
    const environment = Object.fromEntries(
        Object.entries(process.env).filter(([name]) => !name.startsWith('LATCHKEY_')));
    const child = spawn(binary, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.on('data', (text) => { said = (said + text).slice(-4000); });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const line = await new Promise((resolve, reject) => {
        createInterface({ input: child.stdout }).once('line', resolve);
        child.once('error', reject);
        ended.then((status) => reject(new Error(`${args[0]} ended (${status}): ${said}`)));
    });
    return {
        ...JSON.parse(line),
        async stop() {
            child.kill('SIGTERM');
            return ended;
        },
    };
}

export async function startEmulator(...args) {
    const emulator = await start('', 'emulator', '--listen', '127.0.0.1:0', ...args);
    emulator.control = async (method, name, body) => {
        const answer = await fetch(`${emulator.url}/__emulator/${name}`, {
            method, body: body === undefined ? undefined : JSON.stringify(body) });
        if (answer.status !== 200) throw new Error(`${name}: ${await answer.text()}`);
        return answer.json();
    };
    return emulator;
}

/// `latchkey server --dev` with its key and a way to call it.
export async function startServer(providerUrl) {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-story-'));
    const data = join(folder, 'data');
    const server = await start(folder, 'server', '--dev', '--listen', '127.0.0.1:0',
        '--data', data, '--provider-url', providerUrl);
    const key = (await readFile(join(data, 'admin-key'), 'utf8')).trim();
    server.key = key;
    server.call = async (method, target, body) => {
        const answer = await fetch(server.url + target, {
            method,
            headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
            body: body === undefined ? undefined : JSON.stringify(body) });
        return { status: answer.status, json: await answer.json() };
    };
    const stop = server.stop;
    server.stop = async () => {
        const status = await stop();
        await rm(folder, { recursive: true, force: true });
        return status;
    };
    return server;
}

/// A small app with users: its return page completes the session and says what came of it.
export async function startApp(server, user = 'user-1') {
    const arrivals = [];
    const listener = createServer(async (request, response) => {
        const url = new URL(request.url, 'http://app');
        if (url.pathname !== '/done') {
            response.writeHead(404).end();
            return;
        }
        const fields = Object.fromEntries(url.searchParams);
        arrivals.push({ fields, referrer: request.headers.referer });
        let text = `Not connected: ${fields.error}`;
        if (fields.ticket) {
            const done = await server.call('POST', `/v1/connect/sessions/${fields.flow}/complete`,
                { ticket: fields.ticket, end_user: user });
            text = done.status < 300 ? `Connected: ${done.json.id}` : `Failed: ${done.json.error}`;
        }
        response.writeHead(200, { 'content-type': 'text/html' })
            .end(`<!doctype html><title>App</title><link rel="icon" href="data:,"><h1>${text}</h1>`);
    });
    await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${listener.address().port}/done`;
    return {
        url, arrivals,
        async link(more = {}) {
            const opened = await server.call('POST', '/v1/connect/sessions',
                { end_user: user, return_url: url, ...more });
            if (opened.status !== 201) throw new Error(JSON.stringify(opened));
            return opened.json.connect_url;
        },
        stop: () => new Promise((resolve) => {
            listener.closeAllConnections();
            listener.close(resolve);
        }),
    };
}

/// Connects the app's user, whom the emulator's pages are filled in for: the connection's id.
export async function connectUser(server, app) {
    const link = await app.link();
    const left = await fetch(link, {
        method: 'POST', redirect: 'manual',
        headers: { origin: new URL(link).origin, 'sec-fetch-site': 'same-origin' } });
    if (left.status !== 303) throw new Error(`${left.status}: ${await left.text()}`);
    const callback = await walk(left.headers.get('location'), `${server.url}/oauth/callback/`);
    const cookie = left.headers.get('set-cookie').split(';')[0];
    const arrival = await fetch(callback, { redirect: 'manual', headers: { cookie } });
    const page = await fetch(arrival.headers.get('location'));
    return /Connected: (cn_[\w-]+)/.exec(await page.text())[1];
}
