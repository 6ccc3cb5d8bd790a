// openid-client, a certified OpenID Connect client, takes the emulator for what it claims to be.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import * as oidc from 'openid-client';

import { startEmulator } from '../support/latchkey.mjs';
import { walk } from '../support/walk.mjs';

const limit = { timeout: 60_000 };
const redirectUri = 'http://127.0.0.1:9/callback';
let emulator;

before(async () => { emulator = await startEmulator(); }, limit);
after(async () => { await emulator?.stop(); }, limit);

function discover(proof) {
    return oidc.discovery(new URL(emulator.url), 'latchkey-demo', 'latchkey-demo-secret', proof,
        { execute: [oidc.allowInsecureRequests] });
}

async function logIn(config, { nonce = oidc.randomNonce(), expected = nonce } = {}) {
    const verifier = oidc.randomPKCECodeVerifier();
    const state = oidc.randomState();
    const url = oidc.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri, scope: 'openid api refresh_token', state, nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256' });
    const callback = await walk(url, redirectUri);
    return oidc.authorizationCodeGrant(config, callback,
        { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: expected });
}

test('the discovery document names endpoints, PKCE and the signature', limit, async () => {
    const metadata = (await discover()).serverMetadata();
    assert.equal(metadata.issuer, emulator.url);
    assert.ok(metadata.supportsPKCE());
    assert.ok(metadata.id_token_signing_alg_values_supported.includes('RS256'));
    for (const name of ['authorization', 'token', 'userinfo', 'revocation', 'introspection']) {
        assert.ok(metadata[`${name}_endpoint`].startsWith(`${emulator.url}/`), name);
    }
});

for (const [name, proof] of [['a secret in the body', oidc.ClientSecretPost],
    ['HTTP Basic', oidc.ClientSecretBasic]]) {
    test(`a login with PKCE, nonce and ${name} gives a valid id_token and userinfo`, limit,
        async () => {
            const config = await discover(proof('latchkey-demo-secret'));
            oidc.enableNonRepudiationChecks(config);  // checks the signature, too
            const tokens = await logIn(config);
            const claims = tokens.claims();
            assert.equal(claims.iss, emulator.url);
            assert.equal(claims.aud, 'latchkey-demo');
            const user = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
            assert.equal(user.preferred_username, 'ada@acme.example');
            assert.match(user.organization_id, /^00D/);
        });
}

test('an id_token with another nonce is refused', limit, async () => {
    const config = await discover();
    await assert.rejects(logIn(config, { expected: 'another' }),
        { code: 'OAUTH_JWT_CLAIM_COMPARISON_FAILED' });
});

test('refresh, introspection and revocation tell one story', limit, async () => {
    const config = await discover();
    const first = await logIn(config);
    const second = await oidc.refreshTokenGrant(config, first.refresh_token);
    assert.notEqual(second.refresh_token, first.refresh_token);
    const live = await oidc.tokenIntrospection(config, second.refresh_token);
    assert.equal(live.active, true);
    const spent = await oidc.tokenIntrospection(config, first.refresh_token);
    assert.deepEqual(spent, { active: false });

    await oidc.tokenRevocation(config, second.refresh_token);
    assert.equal((await oidc.tokenIntrospection(config, second.refresh_token)).active, false);
    await assert.rejects(oidc.refreshTokenGrant(config, second.refresh_token),
        { error: 'invalid_grant' });
    const { totals } = await emulator.control('GET', 'ledger');
    assert.deepEqual([totals.refreshes, totals.reuses], [1, 0]);
});

test('a refusal comes back as access_denied', limit, async () => {
    const config = await discover();
    const state = oidc.randomState();
    const url = oidc.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri, scope: 'openid', state,
        code_challenge: await oidc.calculatePKCECodeChallenge(oidc.randomPKCECodeVerifier()),
        code_challenge_method: 'S256' });
    const callback = await walk(url, redirectUri, { decision: 'deny' });
    await assert.rejects(
        oidc.authorizationCodeGrant(config, callback, { expectedState: state }),
        { error: 'access_denied' });
});
