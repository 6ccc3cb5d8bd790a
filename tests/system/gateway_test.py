"""Gateway sessions: what a Salesforce SDK does with nothing but an instance URL and a token of the
gateway's, and what it must not reach with them."""
import http.client
import json
import unittest
import urllib.parse

from latchkey_processes import Story, request
from person import App

DATA = "/services/data/v62.0"


def form(**fields):
    return urllib.parse.urlencode(fields)


class Gateway(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.server = self.start_server(self.emulator.url)
        self.connection = App(self.server).connect()["id"]
        self.sessions = f"/v1/connections/{self.connection}/sessions"

    def open(self, key=None, **wish):
        answer = self.server.call("POST", self.sessions, wish, key=key)
        self.assertEqual(answer.status, 201, answer)
        return answer.json

    def ask(self, session, method="GET", target=f"{DATA}/limits", body=None, **headers):
        lines = headers.pop("lines", None) or {"Authorization": "Bearer " + session["access_token"]}
        return request(self.server.url, method, target, body, {**lines, **headers})

    def post_form(self, target, **fields):
        return request(self.server.url, "POST", target, form(**fields),
                       {"Content-Type": "application/x-www-form-urlencoded"})

    def assert_sdk_error(self, answer, status, code):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Latchkey-Answer"], "gateway")
        self.assertEqual([e["errorCode"] for e in answer.json], [code])

    def test_a_session_has_what_an_sdk_needs_and_calls_the_api_with_it(self):
        session = self.open()
        self.assertEqual(set(session), {"id", "instance_url", "access_token", "expires_at"})
        self.assertEqual(session["instance_url"], self.server.url)
        org = self.server.call("GET", f"/v1/connections/{self.connection}").json["org_id"]
        self.assertRegex(session["access_token"], rf"^{org}![\w.]+$")
        for lines in ({"Authorization": "Bearer " + session["access_token"]},
                      {"Authorization": "OAuth " + session["access_token"]},
                      {"X-SFDC-Session": session["access_token"]}):
            answer = self.ask(session, lines=lines)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.headers["Latchkey-Answer"], "salesforce")
        # sf keeps the closing slash of an instance URL.
        self.assertEqual(self.ask(session, target=f"/{DATA}/limits").status, 200)
        self.emulator.expire_sessions()
        self.assertEqual(self.ask(session).status, 200)
        self.assertEqual(self.emulator.totals()["refreshes"], 1)

    def test_sessions_are_listed_and_ended(self):
        first, second = self.open(ttl_s=60), self.open(refresh=True)
        items = self.server.call("GET", self.sessions).json["items"]
        self.assertEqual(sorted(i["kind"] for i in items), ["refresh", "session", "session"])
        text = json.dumps(items)
        for secret in (first["access_token"], second["access_token"], second["refresh_token"]):
            self.assertNotIn(secret, text)
        self.assertEqual(self.ask(first).status, 200)
        ended = self.server.call("DELETE", f"{self.sessions}/{first['id']}")
        self.assertEqual(ended.status, 204, ended)
        self.assert_sdk_error(self.ask(first), 401, "INVALID_SESSION_ID")
        self.assertEqual(self.server.call("DELETE", f"{self.sessions}/{first['id']}").error,
                         "session_not_found")
        for wish in ({"ttl_s": 59}, {"ttl_s": 86401}, {"ttl_s": "60"}, {"refresh": 1}, {"other": 1}):
            self.assertEqual(self.server.call("POST", self.sessions, wish).status, 400, wish)
        unknown = self.server.call("POST", "/v1/connections/cn_unknown/sessions", {})
        self.assertEqual((unknown.status, unknown.error), (404, "connection_not_found"))
        reader = self.server.new_key("read")
        self.assertEqual(self.server.call("POST", self.sessions, {}, key=reader).status, 403)

    def test_f4_a_session_ends_with_its_key_and_its_connection_at_once_on_an_open_connection(self):
        key = self.server.new_key("proxy")
        session, other = self.open(key=key), self.open()
        place = urllib.parse.urlsplit(self.server.url)
        kept = http.client.HTTPConnection(place.hostname, place.port, timeout=40)
        self.addCleanup(kept.close)

        def status(of):
            kept.request("GET", f"{DATA}/limits",
                         headers={"Authorization": "Bearer " + of["access_token"]})
            answer = kept.getresponse()
            answer.read()
            return answer.status

        self.assertEqual((status(session), status(other)), (200, 200))
        self.server.operate("DELETE", f"/v1/apikeys/{key.split('_')[1]}")
        self.assertEqual((status(session), status(other)), (401, 200))
        self.server.call("DELETE", f"/v1/connections/{self.connection}")
        self.assertEqual(status(other), 401)

    def test_f3_an_api_key_is_no_session_and_a_session_no_api_key(self):
        session = self.open()
        self.assert_sdk_error(self.ask({"access_token": self.server.key}), 401, "INVALID_SESSION_ID")
        token = session["access_token"]
        self.assertEqual(self.server.call("GET", "/v1/connections", key=token).status, 401)
        self.assertEqual(
            self.server.call("GET", f"/proxy/{self.connection}{DATA}/limits", key=token).status, 401)
        for wrong in (token[:-1], token + "x", token[:-1] + ("a" if token[-1] != "a" else "b"), ""):
            self.assert_sdk_error(self.ask({"access_token": wrong}), 401, "INVALID_SESSION_ID")
        self.assert_sdk_error(request(self.server.url, "GET", DATA + "/limits"), 401,
                              "INVALID_SESSION_ID")

    def test_h2_to_h4_no_spelling_of_a_login_or_token_path_is_forwarded_at_the_root(self):
        session = self.open()
        self.assertEqual(self.ask(session).status, 200)
        before = self.emulator.totals()
        for target in ("/services/oauth2/introspect", "/services/oauth2/singleaccess",
                       "/services/oauth2/authorize", "/services/oauth2/", "/services/oauth2",
                       "/services/OAuth2/token", "/Services/oauth2/token", "//services/oauth2/x",
                       "/services/oauth2/token/", "/services/oauth2/TOKEN", "/services/auth/x",
                       "/secur/frontdoor.jsp", "/SECUR/frontdoor.jsp", "/login", "/setup/x"):
            for method in ("GET", "POST"):
                self.assert_sdk_error(self.ask(session, method, target), 403, "PATH_NOT_ALLOWED")
        for target in ("/services/%6fauth2/token", "/services//oauth2/token", "///services/data",
                       "/services/./oauth2/token", "/services/oauth2;x/token", "/SERVICES/data",
                       "/services/data/..;/x", "/services/data/%2e%2e/x", "/services/data%2fx",
                       "/ID/00D/005"):
            self.assert_sdk_error(self.ask(session, "GET", target), 400, "PATH_NOT_ALLOWED")
        self.assert_sdk_error(self.ask(session, "TRACE"), 405, "METHOD_NOT_ALLOWED")
        self.assertEqual(self.ask(session, "GET", "/apex/page").status, 404)
        self.assertEqual(self.emulator.totals(), before)

    def test_h4_the_gateway_says_who_the_user_is(self):
        session = self.open()
        row = self.server.call("GET", f"/v1/connections/{self.connection}").json
        info = self.ask(session, target="/services/oauth2/userinfo")
        self.assertEqual(info.json["user_id"], row["user_id"])
        self.assertEqual(info.json["organization_id"], row["org_id"])
        self.assertEqual(info.json["preferred_username"], row["username"])
        path = f"/id/{row['org_id']}/{row['user_id']}"
        self.assertEqual(info.json["sub"], self.server.url + path)
        # jsforce repeats its token in the query.
        token = session["access_token"]
        for query in ("", "?format=json&oauth_token=" + urllib.parse.quote(token)):
            identity = self.ask(session, target=path + query)
            self.assertEqual(identity.status, 200, identity)
            self.assertEqual(identity.json["username"], row["username"])
            self.assertEqual(identity.json["id"], self.server.url + path)
            self.assertTrue(identity.json["urls"]["users"].startswith(self.server.url))
        for target in (path[:-1] + ("x" if path[-1] != "x" else "y"), "/id/00D/005", path + "/more"):
            refused = self.ask(session, target=target)
            self.assertEqual((refused.status, refused.text), (403, "Bad_OAuth_Token"))
        for target in (path, "/services/oauth2/userinfo"):
            refused = self.ask({"access_token": "00D000000000000!x"}, target=target)
            self.assertEqual((refused.status, refused.text), (403, "Bad_OAuth_Token"))

    def test_f10_a_token_in_the_query_is_refused_unless_it_repeats_the_bearer_at_the_identity(self):
        session = self.open()
        row = self.server.call("GET", f"/v1/connections/{self.connection}").json
        for target in (f"/id/{row['org_id']}/{row['user_id']}?oauth_token=other",
                       f"{DATA}/limits?oauth_token={session['access_token']}",
                       f"{DATA}?access_token=x"):
            self.assert_sdk_error(self.ask(session, target=target), 400, "KEY_IN_QUERY")
        log = self.server.stderr_file.read_text()
        self.assertNotIn(session["access_token"], log)

    def test_a_refresh_token_gives_sessions_and_revoke_ends_them(self):
        first = self.open(refresh=True)
        token = first["refresh_token"]
        fields = {"grant_type": "refresh_token", "client_id": "any", "client_secret": "any"}
        answer = self.post_form("/services/oauth2/token", refresh_token=token, **fields)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        second = answer.json
        self.assertNotIn("refresh_token", second)
        self.assertEqual(second["instance_url"], self.server.url)
        self.assertEqual(self.ask(second).status, 200)
        for wrong, code in (({"grant_type": "password"}, "unsupported_grant_type"),
                            ({**fields, "refresh_token": "lkr_x"}, "invalid_grant"),
                            ({**fields, "refresh_token": first["access_token"]}, "invalid_grant"),
                            (fields, "invalid_request")):
            refused = self.post_form("/services/oauth2/token", **wrong)
            self.assertEqual((refused.status, refused.error), (400, code))
        self.assertEqual(self.post_form("/services/oauth2/revoke",
                                        token=second["access_token"]).status, 200)
        self.assert_sdk_error(self.ask(second), 401, "INVALID_SESSION_ID")
        self.assertEqual(self.ask(first).status, 200)
        self.assertEqual(self.post_form("/services/oauth2/revoke", token=token).status, 200)
        self.assert_sdk_error(self.ask(first), 401, "INVALID_SESSION_ID")
        refused = self.post_form("/services/oauth2/token", refresh_token=token, **fields)
        self.assertEqual(refused.error, "invalid_grant")
        self.assertEqual(self.post_form("/services/oauth2/revoke", token=token).error,
                         "invalid_token")
        # Nothing of it was Salesforce's business.
        self.assertEqual(self.emulator.totals()["revocations"], 0)

    def test_the_link_to_the_identity_service_leads_to_the_gateway(self):
        session = self.open()
        row = self.server.call("GET", f"/v1/connections/{self.connection}").json
        ours = f"{self.server.url}/id/{row['org_id']}/{row['user_id']}"
        self.emulator.expire_sessions()
        for target in (DATA, DATA + "/", "/" + DATA, DATA + "?x=1"):
            answer = self.ask(session, target=target, Accept="application/xml",
                              **{"Accept-Encoding": "gzip"})
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.json["identity"], ours)
            self.assertEqual(answer.json["query"], f"{DATA}/query")
        below = self.server.call("GET", f"/proxy/{self.connection}{DATA}")
        self.assertEqual(below.json["identity"], ours)
        self.assertEqual(self.server.call("GET", f"/proxy/{self.connection}{DATA}", key="").status,
                         401)
        self.assert_sdk_error(self.ask({"access_token": "x"}, target=DATA), 401,
                              "INVALID_SESSION_ID")
        missing = self.ask(session, target="/services/data/v1.0")
        self.assertGreaterEqual(missing.status, 400, missing)

    def test_calls_at_the_root_are_counted_apart(self):
        session = self.open()
        self.ask(session)
        self.ask({"access_token": "x"})
        metrics = self.server.operate("GET", "/metrics").text
        for status in (200, 401):
            self.assertRegex(metrics, r'latchkey_http_requests_total\{route="/services",'
                                      rf'status="{status}"\}} [1-9]')


if __name__ == "__main__":
    unittest.main()
