// A person without a browser: fills in the emulator's pages and stops at the app's address.

function fieldsOf(html) {
    const form = html.slice(html.indexOf('<form'));
    const fields = new URLSearchParams();
    for (const [tag] of form.matchAll(/<(input|button)[^>]*>/g)) {
        const at = Object.fromEntries([...tag.matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1], m[2]]));
        if (!at.name || fields.has(at.name)) continue;
        fields.set(at.name, (at.value ?? '').replaceAll('&amp;', '&'));
    }
    return { action: /action="([^"]*)"/.exec(form)[1], fields };
}

/// From an authorize URL to the address that the app is called back at.
export async function walk(url, redirectUri, { decision = 'allow' } = {}) {
    let answer = await fetch(url, { redirect: 'manual' });
    for (let step = 0; step < 6; ++step) {
        const location = answer.headers.get('location');
        if (location?.startsWith(redirectUri)) return new URL(location);
        const html = await answer.text();
        if (!html.includes('<form')) throw new Error(`${answer.status}: ${html.slice(-600)}`);
        const { action, fields } = fieldsOf(html);
        if (fields.has('pw')) {
            fields.set('username', 'ada@acme.example');
            fields.set('pw', 'latchkey');
        }
        if (fields.has('decision')) fields.set('decision', decision);
        answer = await fetch(new URL(action, url), {
            method: 'POST', body: fields, redirect: 'manual' });
    }
    throw new Error('too many pages');
}
