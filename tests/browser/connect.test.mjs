// A person connects in a real browser: Chromium decides on cookies, origins and content policy.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

import { startApp, startEmulator, startServer } from '../support/latchkey.mjs';

const limit = { timeout: 120_000 };
let emulator, server, app, browser;

before(async () => {
    emulator = await startEmulator();
    server = await startServer(emulator.url);
    app = await startApp(server);
    browser = await chromium.launch({
        executablePath: '/usr/bin/chromium',
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
}, limit);

after(async () => {
    await browser?.close();
    await app?.stop();
    await server?.stop();
    await emulator?.stop();
}, limit);

/// A browser of its own, and what its pages complain about.
async function newPerson() {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const complaints = [];
    page.on('console', (message) => {
        if (message.type() === 'error') {
            complaints.push(`${message.text()} ${message.location().url}`);
        }
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    return { context, page, complaints };
}

async function logIn(page) {
    await page.getByLabel('Username').fill('ada@acme.example');
    await page.getByLabel('Password').fill('latchkey');
    await page.getByRole('button', { name: 'Log In' }).click();
}

async function picture(page, name) {
    const folder = process.env.SCREENSHOTS;
    if (folder) await page.screenshot({ path: join(folder, name) });
}

/// What would keep people with a screen reader, a keyboard or weak eyes out.
async function barriers(page) {
    const found = await new AxeBuilder({ page }).analyze();
    return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`);
}

test('a person connects by pressing three buttons', limit, async () => {
    const { page, complaints } = await newPerson();
    await page.goto(await app.link({ purpose: 'Show your accounts in Acme Reports' }));
    await page.getByText('Show your accounts in Acme Reports').waitFor();
    await picture(page, 'connect.png');
    await page.getByRole('button', { name: 'Continue to Salesforce' }).click();
    await picture(page, 'login.png');
    await logIn(page);
    await picture(page, 'consent.png');
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByText(/^Connected: cn_/).waitFor();

    assert.deepEqual(Object.keys(app.arrivals.at(-1).fields).sort(), ['flow', 'ticket']);
    assert.equal(app.arrivals.at(-1).referrer, undefined, 'the app learns no address of ours');
    assert.deepEqual(complaints, []);
    const connection = (await page.locator('h1').innerText()).split(' ')[1];
    const query = encodeURIComponent('SELECT Id FROM Account LIMIT 5');
    const answer = await server.call('GET',
        `/proxy/${connection}/services/data/v68.0/query?q=${query}`);
    assert.equal(answer.json.records.length, 5);
});

test('who is logged in and has allowed the app before presses one button', limit, async () => {
    const { page, complaints } = await newPerson();
    await page.goto(await app.link());
    await page.getByRole('button').click();
    await logIn(page);
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByText(/^Connected: cn_/).waitFor();

    // Now the form's answer leads through Salesforce and back to the app without another page.
    await page.goto(await app.link());
    await page.getByRole('button').click();
    await page.getByText(/^Connected: cn_/).waitFor();
    assert.deepEqual(complaints, []);
});

test('the keyboard is enough', limit, async () => {
    const { page } = await newPerson();
    await page.goto(await app.link());
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.tagName'), 'BUTTON');
    await page.keyboard.press('Enter');
    await page.getByLabel('Username').waitFor();
});

test('who refuses comes back to the app, which says so', limit, async () => {
    const { page } = await newPerson();
    await page.goto(await app.link());
    await page.getByRole('button').click();
    await logIn(page);
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.getByText('Not connected: access_denied').waitFor();
});

test('a link that was used says so in another browser and in the same one', limit, async () => {
    const link = await app.link();
    const first = await newPerson();
    await first.page.goto(link);
    await first.page.getByRole('button').click();
    await first.page.getByLabel('Username').waitFor();
    for (const { page } of [await newPerson(), first]) {
        const answer = await page.goto(link);
        assert.equal(answer.status(), 410);
        await page.getByText('This link has been used').waitFor();
        await picture(page, 'used.png');
    }
});

test('three tabs of one browser connect side by side', limit, async () => {
    const { context } = await newPerson();
    const pages = [];
    for (let i = 0; i < 3; ++i) {
        const page = await context.newPage();
        page.setDefaultTimeout(20_000);
        await page.goto(await app.link());
        await page.getByRole('button').click();
        await page.getByLabel('Username').waitFor();
        pages.push(page);
    }
    for (const page of pages.reverse()) {
        await logIn(page);
        await page.getByRole('button', { name: 'Allow' }).click();
        await page.getByText(/^Connected: cn_/).waitFor();
    }
});

test('the pages have no barrier that axe knows, in light and in dark', limit, async () => {
    const { page } = await newPerson();
    for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await page.goto(await app.link({ purpose: 'Show your accounts' }));
        assert.deepEqual(await barriers(page), [], `connect page, ${colorScheme}`);
        await picture(page, `connect-${colorScheme}.png`);
        await page.goto(`${server.url}/connect/nobody-made-this`);
        assert.deepEqual(await barriers(page), [], `error page, ${colorScheme}`);
        await picture(page, `error-${colorScheme}.png`);
    }
    await page.goto(await app.link());
    await page.getByRole('button').click();
    await page.getByLabel('Username').waitFor();
    assert.deepEqual(await barriers(page), [], 'the emulator\'s login page');
    await logIn(page);
    await page.getByRole('button', { name: 'Allow' }).waitFor();
    assert.deepEqual(await barriers(page), [], 'the emulator\'s consent page');
});

test('the connect page fits a telephone', limit, async () => {
    const { page } = await newPerson();
    await page.setViewportSize({ width: 320, height: 640 });
    await page.goto(await app.link({ purpose: 'Show the accounts of your company in our reports' }));
    const wider = await page.evaluate(
        'document.documentElement.scrollWidth > document.documentElement.clientWidth');
    assert.equal(wider, false, 'nothing has to be scrolled sideways');
    await picture(page, 'telephone.png');
});
