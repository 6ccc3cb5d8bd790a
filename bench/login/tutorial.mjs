// What a first integration looks like: Express, a session, and jsforce's OAuth2.
//
//   tutorial.mjs PORT LOGIN_URL     the client's secret in CLIENT_SECRET
import crypto from "node:crypto";
import express from "express";
import session from "express-session";
import jsforce from "jsforce";

const [port, loginUrl] = process.argv.slice(2);
const origin = `http://127.0.0.1:${port}`;
const oauth2 = new jsforce.OAuth2({
  loginUrl,
  clientId: "latchkey-demo",
  clientSecret: process.env.CLIENT_SECRET,
  redirectUri: `${origin}/oauth2/callback`,
});

const app = express();
app.use(session({ secret: crypto.randomUUID(), resave: false, saveUninitialized: false }));

app.get("/oauth2/auth", (request, response) => {
  request.session.state = crypto.randomUUID();
  response.redirect(
    oauth2.getAuthorizationUrl({ scope: "api refresh_token id", state: request.session.state }));
});

app.get("/oauth2/callback", async (request, response) => {
  if (!request.query.state || request.query.state !== request.session.state) {
    response.status(400).send("This login did not begin here.");
    return;
  }
  try {
    const connection = new jsforce.Connection({ oauth2 });
    const user = await connection.authorize(request.query.code);
    request.session.salesforce = {
      user: user.id,
      org: user.organizationId,
      instanceUrl: connection.instanceUrl,
      accessToken: connection.accessToken,
      refreshToken: connection.refreshToken,
    };
    response.send("<title>Connected</title>");
  } catch {
    response.status(502).send("Salesforce refused the login.");
  }
});

app.listen(Number(port), "127.0.0.1", () => console.log(JSON.stringify({ ready: true })));
