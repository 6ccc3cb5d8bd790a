"""What an API key may do beyond its permissions: rules on paths and methods, limits, and how a refusal
reads for a program and for an SDK."""
import concurrent.futures
import http.client
import json
import unittest
import urllib.parse

from latchkey_processes import Story, eventually, request
from person import App

DATA = "/services/data/v62.0"
READING = ["deny GET /services/data/*/sobjects/Contact/**", "allow GET /services/data/**"]


class Keys(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.server = self.start_server(self.emulator.url)
        self.connection = App(self.server).connect()["id"]

    def proxy(self, key, method, path, body=None, **more):
        return self.server.call(method, f"/proxy/{self.connection}{path}", body, key=key, **more)

    def session(self, key):
        made = self.server.call("POST", f"/v1/connections/{self.connection}/sessions", {}, key=key)
        self.assertEqual(made.status, 201, made)
        return made.json["access_token"]

    def at_root(self, token, method, path, body=None):
        return request(self.server.url, method, path, body, {"Authorization": f"Bearer {token}"})

    def assert_sdk_error(self, answer, status, code):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Latchkey-Answer"], "gateway")
        self.assertEqual([e["errorCode"] for e in answer.json], [code])

    def test_a_key_with_rules_is_shown_with_them_and_does_no_more_than_they_allow(self):
        made = self.server.operate("POST", "/v1/apikeys", {
            "label": "reader", "rules": READING, "limits": {"rate": 50, "burst": 100,
                                                            "concurrency": 20},
            "priority": "low"})
        self.assertEqual(made.status, 201, made)
        self.assertEqual(made.json["rules"], READING)
        self.assertEqual(made.json["limits"], {"rate": 50, "burst": 100, "concurrency": 20})
        listed = {key["id"]: key for key in self.server.operate("GET", "/v1/apikeys").json["items"]}
        self.assertEqual(listed[made.json["id"]]["priority"], "low")
        self.assertEqual(listed[made.json["id"]]["rules"], READING)
        key = made.json["key"]
        self.assertEqual(self.proxy(key, "GET", f"{DATA}/sobjects/Account/describe").status, 200)
        self.assertEqual(self.proxy(key, "GET", DATA).status, 200)
        for method, path in (("GET", f"{DATA}/sobjects/Contact/describe"),
                             ("GET", f"{DATA}/sobjects/contact"),
                             ("GET", f"{DATA}/sobjects/Contact.json"),
                             ("POST", f"{DATA}/sobjects/Account"),
                             ("DELETE", f"{DATA}/sobjects/Account/001000000000001"),
                             ("GET", f"{DATA}/limits?_HttpMethod=DELETE"),
                             ("POST", f"{DATA}"), ("GET", "/services/apexrest/all")):
            self.assert_refused(self.proxy(key, method, path), 403, "denied_by_rule")
        # Rules say nothing of what the gateway refuses to everybody.
        self.assert_refused(self.proxy(key, "GET", "/services/oauth2/userinfo"), 403,
                            "path_not_allowed")

    def test_h3_percent_encoded_spellings_get_around_no_rule(self):
        key = self.server.new_key("proxy", rules=["deny /services/data/*/sobjects/My_Own__c/**",
                                                  "allow /**"])
        for spelling in ("My_Own__c", "My%5fOwn__c", "My%5FOwn%5f%5Fc/", "MY_OWN__C"):
            answer = self.proxy(key, "GET", f"{DATA}/sobjects/{spelling}")
            self.assert_refused(answer, 403, "denied_by_rule")
        answer = self.proxy(key, "GET", f"{DATA}/sobjects/M%79_Own__c")
        self.assert_refused(answer, 400, "path_not_allowed")

    def test_a_composite_request_does_no_more_than_its_calls_may(self):
        key = self.server.new_key("proxy", rules=[
            "deny /services/data/*/sobjects/Contact/**", "deny DELETE /**",
            "allow GET,PATCH /services/data/**", "allow POST /services/data/*/sobjects/**"])
        made = {"method": "POST", "url": f"{DATA}/sobjects/Account", "referenceId": "made",
                "body": {"Name": "Analytical Engines"}}
        changed = {"method": "PATCH", "url": f"{DATA}/sobjects/Account/@{{made.id}}",
                   "referenceId": "changed", "body": {"Name": "Difference Engines"}}

        def composite(*calls, **more):
            return self.proxy(key, "POST", f"{DATA}/composite",
                              {"allOrNone": True, "compositeRequest": list(calls)}, **more)
        done = composite(made, changed)
        self.assertEqual(done.status, 200, done)
        self.assertEqual([part["httpStatusCode"] for part in done.json["compositeResponse"]],
                         [201, 204])
        for call in ({"method": "DELETE", "url": f"{DATA}/sobjects/Account/@{{made.id}}"},
                     {"method": "GET", "url": f"{DATA}/sobjects/CONTACT/003000000000001"},
                     {"method": "POST", "url": f"{DATA}/sobjects/Cont%61ct"},
                     {"method": "POST", "url": f"{DATA}/composite/sobjects",
                      "body": {"records": [{"attributes": {"type": "contact"}}]}},
                     {"method": "POST", "url": f"{DATA}/sobjects/Account?_HttpMethod=DELETE"}):
            refused = composite(made, call | {"referenceId": "other"})
            self.assertIn(refused.error, ("denied_by_rule", "path_not_allowed"), call)
            self.assertTrue(refused.json["message"].startswith("Number 2 in this composite request"),
                            refused)
        login = composite({"method": "GET", "url": "/services/oauth2/userinfo", "referenceId": "a"})
        self.assert_refused(login, 403, "path_not_allowed")
        # Of what was refused nothing was done: one account, of the first call.
        found = self.proxy(key, "GET",
                           f"{DATA}/query?q=SELECT+Name+FROM+Account+WHERE+Name+LIKE+'%25Engines'")
        self.assertEqual([row["Name"] for row in found.json["records"]], ["Difference Engines"])

    def test_a_collection_counts_as_its_records_and_a_batch_as_its_calls(self):
        key = self.server.new_key("proxy", rules=["allow POST /services/data/*/sobjects/Account"])
        account, contact = ({"records": [{"attributes": {"type": kind}, "Name": "x",
                                          "LastName": "x"}]} for kind in ("Account", "Contact"))
        self.assertEqual(self.proxy(key, "POST", f"{DATA}/composite/sobjects", account).status, 200)
        self.assert_refused(self.proxy(key, "POST", f"{DATA}/composite/sobjects", contact), 403,
                            "denied_by_rule")
        batch = {"batchRequests": [{"method": "POST", "url": "v62.0/sobjects/Account",
                                    "richInput": {"Name": "y"}}]}
        self.assertEqual(self.proxy(key, "POST", f"{DATA}/composite/batch", batch).status, 200)
        batch["batchRequests"][0]["url"] = "v62.0/sobjects/Contact"
        self.assert_refused(self.proxy(key, "POST", f"{DATA}/composite/batch", batch), 403,
                            "denied_by_rule")
        # Ids belong to nobody knows which object, so a rule has to name what takes them.
        ids = f"{DATA}/composite/sobjects?ids=001000000000001"
        self.assert_refused(self.proxy(key, "DELETE", ids), 403, "denied_by_rule")
        named = self.server.new_key("proxy", rules=[
            "allow DELETE /services/data/*/composite/sobjects"])
        self.assertEqual(self.proxy(named, "DELETE", ids).status, 200)

    def test_what_cannot_be_read_of_a_composite_request_is_not_sent(self):
        key = self.server.new_key("proxy", rules=["allow /**"])
        call = {"method": "GET", "url": f"{DATA}/limits", "referenceId": "a"}
        good = json.dumps({"compositeRequest": [call]})
        twice = good.replace('"url":', f'"url": "{DATA}/sobjects/Contact", "url":')
        before = self.emulator.control("GET", "data")["used_today"]
        for body, headers in ((twice, {}), ("<x/>", {}), (good, {"Content-Type": "text/xml"}),
                              (good, {"Content-Encoding": "gzip"}),
                              (good, {"Content-Type": "application/json; charset=utf-16"}),
                              (json.dumps({"compositeRequest": [call], "x": "y" * 300_000}), {})):
            answer = request(self.server.url, "POST", f"/proxy/{self.connection}{DATA}/composite",
                             body.encode(), {"Authorization": f"Bearer {key}",
                                             "Content-Type": "application/json"} | headers)
            self.assert_refused(answer, 400, "composite_unreadable")
        self.assertEqual(self.emulator.control("GET", "data")["used_today"], before)
        token = self.session(key)
        refused = self.at_root(token, "POST", f"{DATA}/composite", {"compositeRequest": [7]})
        self.assert_sdk_error(refused, 400, "COMPOSITE_UNREADABLE")
        # A key without rules sends what it likes.
        free = self.server.new_key("proxy")
        answer = self.proxy(free, "POST", f"{DATA}/composite", {"compositeRequest": [call, call]})
        self.assertEqual(answer.headers["Latchkey-Answer"], "salesforce")
        metrics = self.server.operate("GET", "/metrics").text
        self.assertIn('latchkey_key_refusals_total{code="composite_unreadable"} 7', metrics)

    def test_the_rules_of_a_gateway_session_are_those_of_its_key(self):
        token = self.session(self.server.new_key("proxy", rules=READING))
        self.assertEqual(self.at_root(token, "GET", f"{DATA}/limits").status, 200)
        self.assertEqual(self.at_root(token, "GET", DATA).status, 200)
        for method, path in (("GET", f"{DATA}/sobjects/Contact"),
                             ("DELETE", f"{DATA}/composite/sobjects")):
            self.assert_sdk_error(self.at_root(token, method, path), 403, "DENIED_BY_RULE")
        narrow = self.session(self.server.new_key("proxy", rules=["allow POST /**"]))
        self.assert_sdk_error(self.at_root(narrow, "GET", DATA), 403, "DENIED_BY_RULE")

    def test_f11_no_key_with_rules_on_paths_is_handed_a_token(self):
        for permission in ("token", "admin"):
            answer = self.server.operate("POST", "/v1/apikeys", {
                "permissions": ["proxy", permission], "rules": READING})
            self.assert_refused(answer, 400, "invalid_rule")
        answer = self.server.call("GET", f"/v1/connections/{self.connection}/token",
                                  key=self.server.new_key("proxy", rules=READING))
        self.assert_refused(answer, 403, "permission_denied")

    def test_rules_that_cannot_be_meant_are_refused_when_the_key_is_made(self):
        for fields, code in (({"rules": ["deny /**"]}, "invalid_rule"),
                             ({"rules": ["allow /query"]}, "invalid_rule"),
                             ({"rules": ["allow HEAD /**"]}, "invalid_rule"),
                             ({"rules": "allow /**"}, "invalid_field"),
                             ({"limits": {"rate": 0}}, "invalid_field"),
                             ({"limits": {"speed": 1}}, "invalid_field"),
                             ({"limits": {"burst": 5}}, "invalid_key_limit"),
                             ({"limits": {"rate": 1_000_001}}, "invalid_key_limit"),
                             ({"priority": "highest"}, "invalid_priority"),
                             ({"limit": {}}, "unknown_field")):
            self.assert_refused(self.server.operate("POST", "/v1/apikeys", fields), 400, code)

    def test_a_rate_counts_calls_tokens_and_sessions_together_and_says_when_to_come_again(self):
        key = self.server.new_key("proxy", "token", limits={"rate": 1, "burst": 3})
        token = self.session(key)
        self.assertEqual(self.proxy(key, "GET", f"{DATA}/limits").status, 200)
        self.assertEqual(self.at_root(token, "GET", f"{DATA}/limits").status, 200)
        vend = f"/v1/connections/{self.connection}/token"
        self.assertEqual(self.server.call("GET", vend, key=key).status, 200)
        refused = self.proxy(key, "GET", f"{DATA}/limits")
        self.assert_refused(refused, 429, "rate_limited")
        self.assertEqual(refused.headers["Retry-After"], "1")
        self.assert_refused(self.server.call("GET", vend, key=key), 429, "rate_limited")
        self.assert_sdk_error(self.at_root(token, "GET", f"{DATA}/limits"), 429, "RATE_LIMITED")
        self.assert_sdk_error(self.at_root(token, "GET", DATA), 429, "RATE_LIMITED")
        # Other keys go on; this one too, after a second.
        self.assertEqual(self.proxy(None, "GET", f"{DATA}/limits").status, 200)
        self.assertTrue(eventually(
            lambda: self.proxy(key, "GET", f"{DATA}/limits").status == 200, every=0.2))

    def test_so_many_calls_of_a_key_are_under_way_at_once(self):
        key = self.server.new_key("proxy", limits={"concurrency": 2})
        self.emulator.fault(f"{DATA}/limits", count=2, when="before", delay_ms=1500)
        def until_let_in():
            return eventually(
                lambda: (a := self.proxy(key, "GET", f"{DATA}/limits")).status == 200 and a)

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            slow = [pool.submit(until_let_in) for _ in range(2)]
            refused = eventually(
                lambda: (a := self.proxy(key, "GET", f"{DATA}/sobjects")).status == 429 and a)
            self.assertTrue(refused)
            self.assert_refused(refused, 429, "too_many_calls")
            self.assertEqual(refused.headers["Retry-After"], "1")
            self.assertEqual([one.result().status for one in slow], [200, 200])
        self.assertEqual(self.proxy(key, "GET", f"{DATA}/sobjects").status, 200)

    def test_however_a_call_ends_its_place_is_free_again(self):
        key = self.server.new_key("proxy", limits={"concurrency": 1})
        lines = {"Authorization": f"Bearer {key}"}
        place = urllib.parse.urlsplit(self.server.url)

        def goes_on():
            return eventually(lambda: self.proxy(key, "GET", f"{DATA}/sobjects").status == 200, 5)

        self.emulator.fault(f"{DATA}/limits", count=1, when="before", delay_ms=20_000)
        leaving = http.client.HTTPConnection(place.hostname, place.port)
        leaving.request("GET", f"/proxy/{self.connection}{DATA}/limits", headers=lines)
        self.assertTrue(eventually(
            lambda: self.proxy(key, "GET", f"{DATA}/sobjects").status == 429))
        leaving.close()
        self.assertTrue(goes_on(), "the caller went away")

        self.emulator.fault(f"{DATA}/limits", count=1, when="after", reset=True)
        self.assertEqual(self.proxy(key, "GET", f"{DATA}/limits").status, 502)
        self.assertTrue(goes_on(), "the answer was lost")

        self.emulator.expire_sessions()
        self.assertTrue(goes_on(), "the call was repeated with a newer token")
        self.assert_refused(self.proxy(key, "GET", "/services/oauth2/token"), 403,
                            "path_not_allowed")
        self.assertTrue(goes_on(), "it was refused")
        self.server.call("POST", f"/v1/connections/{self.connection}/quarantine")
        self.assertEqual(self.proxy(key, "GET", f"{DATA}/limits").status, 409)
        self.server.call("POST", f"/v1/connections/{self.connection}/release")
        self.assertTrue(goes_on(), "there was no token for it")

    def test_rules_outlive_a_restart(self):
        key = self.server.new_key("proxy", rules=READING)
        self.server.stop()
        again = self.start_server(self.emulator.url)
        self.server = again
        self.assertEqual(self.proxy(key, "GET", f"{DATA}/limits").status, 200)
        self.assert_refused(self.proxy(key, "POST", f"{DATA}/sobjects/Account"), 403,
                            "denied_by_rule")


if __name__ == "__main__":
    unittest.main()
