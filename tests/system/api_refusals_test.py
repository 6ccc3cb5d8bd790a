"""What a caller of the API meets when a request cannot be right. Nothing here changes anything, so one
server serves all of it."""
import pathlib
import tempfile
import unittest

from latchkey_processes import Emulator, Server, Story, request
from person import App


class Refusals(Story):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="latchkey-story-")
        cls.addClassCleanup(holder.cleanup)
        cls.shared = pathlib.Path(holder.name)
        cls.emulator = Emulator(cls.shared)
        cls.addClassCleanup(cls.emulator.kill)
        cls.server = Server(cls.shared, cls.emulator.url)
        cls.addClassCleanup(cls.server.kill)
        cls.connection = App(cls.server).connect()["id"]

    SESSION = {"end_user": "u", "return_url": "http://127.0.0.1:9/done"}

    def test_f1_a_missing_malformed_unknown_or_wrong_key_meets_the_same_401(self):
        identity = self.server.key.split("_")[1]
        bodies = set()
        for key in ("", "nonsense", "lk_", "lk_unknown_secret", f"lk_{identity}_wrong",
                    self.server.key + "x", "Bearer"):
            for method, target in (("GET", "/v1/connections"),
                                   ("GET", f"/v1/connections/{self.connection}"),
                                   ("GET", f"/v1/connections/{self.connection}/token"),
                                   ("GET", f"/proxy/{self.connection}/services/data")):
                answer = self.server.call(method, target, key=key)
                self.assert_refused(answer, 401, "invalid_api_key")
                self.assertTrue(answer.headers["WWW-Authenticate"].startswith("Bearer"))
                bodies.add(answer.json["message"])
        self.assertEqual(len(bodies), 1, bodies)

    def test_the_key_may_also_stand_behind_a_lower_case_scheme_but_never_twice(self):
        good = self.server.call("GET", "/v1/connections", key="",
                                headers={"Authorization": f"bearer {self.server.key}"})
        self.assertEqual(good.status, 200, good)
        basic = self.server.call("GET", "/v1/connections", key="",
                                 headers={"Authorization": f"Basic {self.server.key}"})
        self.assert_refused(basic, 401, "invalid_api_key")

    def test_permissions_imply_nothing(self):
        asked = {
            "connect": ("POST", "/v1/connect/sessions", self.SESSION),
            "read": ("GET", "/v1/connections", None),
            "token": ("GET", f"/v1/connections/{self.connection}/token", None),
            "proxy": ("GET", f"/proxy/{self.connection}/services/data", None),
            "admin": ("POST", f"/v1/connections/{self.connection}/quarantine", None),
        }
        for has in asked:
            key = self.server.new_key(has)
            for needs, (method, target, body) in asked.items():
                if needs == has:
                    continue
                answer = self.server.call(method, target, body, key=key)
                self.assert_refused(answer, 403, "permission_denied")
                self.assertIn(f'"{needs}"', answer.json["message"])

    def test_f10_a_key_in_the_query_is_refused_wherever_it_stands(self):
        for name in ("access_token", "api_key", "oauth_token"):
            for target in ("/v1/connections?", f"/proxy/{self.connection}/services/data?"):
                answer = self.server.call("GET", f"{target}{name}={self.server.key}", key="")
                self.assert_refused(answer, 400, "key_in_query")
                self.assertNotIn(self.server.key, answer.text)

    def test_a_broken_body_is_refused_with_what_is_wrong(self):
        for body in (b"{", b"[]", b'"text"', b"\xff\xfe", b'{"end_user": ', b"[" * 2000):
            answer = self.server.call("POST", "/v1/connect/sessions", body)
            self.assert_refused(answer, 400, "invalid_json")

    def test_an_unknown_field_is_refused_and_the_known_ones_are_named(self):
        answer = self.server.call("POST", "/v1/connect/sessions",
                                  {**self.SESSION, "enduser": "typo"})
        self.assert_refused(answer, 400, "unknown_field")
        self.assertIn("enduser", answer.json["message"])
        self.assertIn("end_user", answer.json["message"].replace("enduser", ""))

    def test_missing_and_wrongly_typed_fields_are_named(self):
        for body, field in (({"return_url": "http://127.0.0.1:9/"}, "end_user"),
                            ({"end_user": "u"}, "return_url"),
                            ({**self.SESSION, "end_user": 7}, "end_user"),
                            ({**self.SESSION, "purpose": []}, "purpose"),
                            ({**self.SESSION, "prompt": "login"}, "prompt")):
            answer = self.server.call("POST", "/v1/connect/sessions", body)
            self.assert_refused(answer, 400, "invalid_field")
            self.assertIn(field, answer.json["message"])

    def test_i20_hostile_names_come_back_unchanged_or_are_refused(self):
        for name in ("'; DROP TABLE connections; --", "%00%0a", "Zoë \u202e/../", "a\u0000b",
                     "x" * 200):
            answer = self.server.call("POST", "/v1/connect/sessions",
                                      {**self.SESSION, "end_user": name})
            self.assertEqual(answer.status, 201, answer)
        for name in ("", "x" * 201):
            answer = self.server.call("POST", "/v1/connect/sessions",
                                      {**self.SESSION, "end_user": name})
            self.assert_refused(answer, 400, "invalid_end_user")

    def test_unknown_providers_and_connections_are_404(self):
        answer = self.server.call("POST", "/v1/connect/sessions",
                                  {**self.SESSION, "provider": "nobody"})
        self.assert_refused(answer, 404, "unknown_provider")
        for target in ("/v1/connections/cn_nobody", "/v1/connections/cn_nobody/token",
                       "/proxy/cn_nobody/services/data"):
            self.assert_refused(self.server.call("GET", target), 404, "connection_not_found")

    def test_wrong_parameters_of_lists_and_tokens_say_what_is_allowed(self):
        token = f"/v1/connections/{self.connection}/token"
        for target in ("/v1/connections?limit=0", "/v1/connections?limit=201",
                       "/v1/connections?limit=x", "/v1/connections?limit=2&limit=3",
                       "/v1/connections?standing=fine", "/v1/connections?colour=red",
                       f"{token}?valid_for=-1", f"{token}?valid_for=soon", f"{token}?x=1"):
            self.assert_refused(self.server.call("GET", target), 400, "invalid_parameter")
        self.assert_refused(self.server.call("GET", "/v1/connections?cursor=made-up"), 400,
                            "invalid_cursor")

    def test_an_unknown_route_is_404_and_names_where_to_look(self):
        for target in ("/", "/v1", "/v1/nothing", "/V1/connections", "//v1/connections",
                       "/v1/connections/a/b/c", "/connect", "/proxy", "/index.html",
                       "/v1/connections/", "/v1/%2e%2e/v1/connections"):
            answer = self.server.call("GET", target)
            self.assert_refused(answer, 404, "no_such_route")
            self.assertIn("/openapi.json", answer.json["message"])

    def test_f8_the_operators_routes_do_not_exist_on_the_public_listener(self):
        for target in ("/v1/apikeys", "/metrics", "/readyz", "/v1/audit", "//v1/apikeys",
                       "/v1/../v1/apikeys", "/v1/%61pikeys"):
            self.assert_refused(self.server.call("GET", target), 404, "no_such_route")
        for target in ("/v1/connections", "/connect/x", f"/proxy/{self.connection}/services/data"):
            self.assert_refused(self.server.operate("GET", target), 404, "no_such_route")

    def test_another_method_is_405_and_says_which_one(self):
        for method, target, allowed in (
                ("DELETE", "/v1/connect/sessions", "POST"),
                ("GET", "/v1/connect/sessions", "POST"),
                ("POST", "/v1/connections", "GET"),
                ("PUT", f"/v1/connections/{self.connection}", "GET"),
                ("POST", f"/v1/connections/{self.connection}/token", "GET"),
                ("GET", f"/v1/connections/{self.connection}/refresh", "POST"),
                ("POST", "/oauth/callback/salesforce", "GET"),
                ("DELETE", "/connect/abc", "POST")):
            answer = self.server.call(method, target)
            self.assert_refused(answer, 405, "method_not_allowed")
            self.assertIn(allowed, answer.headers["Allow"])
            self.assertNotIn(" and ", answer.headers["Allow"], "not a list of methods (RFC 9110)")

    def test_h1_to_h4_the_proxy_sends_nothing_but_api_paths(self):
        before = self.emulator.totals()
        for path in ("//evil.example/services/data", "/services/data/../../secur",
                     "/services/%2e%2e/x", "/services/data%2f..", "/services/data/%00",
                     "/services/data/./x", "/services/data\\x", "/", "/apexpages/x"):
            answer = self.server.call("GET", f"/proxy/{self.connection}{path}")
            self.assertEqual(answer.status, 400, (path, answer))
        for path in ("/services/oauth2/token", "/services/oauth2/userinfo", "/secur/frontdoor.jsp",
                     "/login", "/setup/x"):
            answer = self.server.call("GET", f"/proxy/{self.connection}{path}")
            self.assert_refused(answer, 403, "path_not_allowed")
        for method in ("TRACE", "CONNECT", "BREW"):
            answer = self.server.call(method, f"/proxy/{self.connection}/services/data")
            self.assertEqual(answer.status, 405, (method, answer))
        self.assertEqual(self.emulator.totals(), before)

    def test_e8_no_other_origin_may_read_answers(self):
        for target in ("/v1/connections", f"/proxy/{self.connection}/services/data"):
            for origin in ("https://evil.example", "null"):
                answer = self.server.call("OPTIONS", target, key="", headers={
                    "Origin": origin, "Access-Control-Request-Method": "GET"})
                self.assertGreaterEqual(answer.status, 400, answer)
                answer = self.server.call("GET", target, headers={"Origin": origin})
                found = [n for n in answer.headers if n.lower().startswith("access-control")]
                self.assertEqual(found, [])

    def test_a_body_or_head_over_the_limit_is_refused_and_the_server_lives(self):
        answer = request(self.server.url, "POST", "/v1/connect/sessions", None,
                         {"Content-Length": "2000000"})
        self.assertEqual(answer.status, 413, answer)
        answer = request(self.server.url, "GET", "/healthz", None, {"X-Long": "x" * 40000})
        self.assertEqual(answer.status, 431, answer)
        answer = request(self.server.url, "GET", "/" + "x" * 20000)
        self.assertEqual(answer.status, 414, answer)
        self.assertEqual(request(self.server.url, "GET", "/healthz").status, 200)

    def test_health_metrics_and_description_need_no_key_and_hold_no_name(self):
        self.assertEqual(request(self.server.url, "GET", "/healthz").status, 200)
        self.assertEqual(request(self.server.operators_url, "GET", "/readyz").status, 200)
        metrics = request(self.server.operators_url, "GET", "/metrics")
        self.assertEqual(metrics.status, 200)
        self.assertNotIn(self.connection, metrics.text)
        self.assertNotIn(Emulator.USER, metrics.text)
        document = request(self.server.url, "GET", "/openapi.json")
        self.assertEqual(document.headers["Content-Type"], "application/json")
        self.assertIn("/v1/connect/sessions", document.json["paths"])

    def test_a_key_lives_until_it_is_revoked(self):
        made = self.server.operate("POST", "/v1/apikeys",
                                   {"label": "short", "permissions": ["read"]}).json
        self.assertEqual(self.server.call("GET", "/v1/connections", key=made["key"]).status, 200)
        listed = self.server.operate("GET", "/v1/apikeys")
        self.assertIn(made["id"], [k["id"] for k in listed.json["items"]])
        self.assertNotIn(made["key"], listed.text)
        self.assertEqual(self.server.operate("DELETE", f"/v1/apikeys/{made['id']}").status, 200)
        self.assert_refused(self.server.call("GET", "/v1/connections", key=made["key"]), 401,
                            "invalid_api_key")
        reader = self.server.new_key("read")
        self.assert_refused(self.server.operate("GET", "/v1/apikeys", key=reader), 403,
                            "permission_denied")
        self.assert_refused(self.server.operate("POST", "/v1/apikeys", {"permissions": ["all"]}),
                            400, "invalid_permission")


if __name__ == "__main__":
    unittest.main()
