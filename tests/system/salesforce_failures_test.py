"""Salesforce refuses, is away, is slow or is told the wrong things: who is told what, and that nothing
is lost that was not lost there."""
import http.client
import time
import unittest
import urllib.parse

from latchkey_processes import Emulator, Story, eventually, free_port
from person import App, Person

TOKEN_PATH = "/services/oauth2/token"


class SalesforceStory(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.server = self.start_server(self.emulator.url)
        self.app = App(self.server)

    def quiet_ledger(self):
        totals = self.emulator.totals()
        self.assertEqual(totals["reuses"], 0, totals)
        self.assertLessEqual(totals["max_in_flight"], 1, totals)


class Grants(SalesforceStory):
    def test_b11_a_grant_that_salesforce_ended_asks_for_the_user_and_stays_quiet(self):
        connection = self.app.connect()["id"]
        token = self.emulator.kept()["grants"][0]["refresh_token"]
        parts = urllib.parse.urlsplit(self.emulator.url)
        line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        line.request("POST", "/services/oauth2/revoke", urllib.parse.urlencode({"token": token}),
                     {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(line.getresponse().status, 200)
        line.close()

        answer = self.server.query(connection)
        self.assert_refused(answer, 409, "reauth_required")
        self.assertIn("connect again", answer.json["message"])
        shown = self.server.show(connection)
        self.assertEqual(shown["standing"], "reauth_required")
        self.assertTrue(shown["reason"])
        self.emulator.fault("/services", count=1000, status=500)
        for _ in range(3):
            self.assert_refused(self.server.query(connection), 409, "reauth_required")
            vend = self.server.call("GET", f"/v1/connections/{connection}/token")
            self.assert_refused(vend, 409, "reauth_required")
        self.assertEqual(self.emulator.control("GET", "faults")["faults"][0]["count"], 1000)
        self.emulator.control("DELETE", "faults")

        back = self.app.complete(Person().connect(
            self.app.link("user-1", connection_id=connection)))
        self.assertEqual((back.status, back.json["id"]), (201, connection))
        self.assertEqual(self.server.query(connection).status, 200)
        self.assertEqual(self.server.show(connection)["standing"], "active")

    def test_j28_the_sixth_approval_of_one_user_ends_the_first_and_only_that(self):
        made = [self.app.connect(f"user-{i}")["id"] for i in range(6)]
        self.emulator.expire_sessions()
        self.assert_refused(self.server.query(made[0]), 409, "reauth_required")
        for connection in made[1:]:
            self.assertEqual(self.server.query(connection).status, 200)
        self.quiet_ledger()

    def test_b4_and_j26_rotation_may_be_switched_between_refreshes(self):
        connection = self.app.connect()["id"]
        for rotation in (False, True):
            self.emulator.client(rotation=rotation)
            self.emulator.expire_sessions()
            self.assertEqual(self.server.query(connection).status, 200)
        self.quiet_ledger()
        self.assertEqual(self.emulator.totals()["refreshes"], 2)

    def test_a_session_that_died_three_times_in_a_minute_is_told_as_salesforce_tells_it(self):
        connection = self.app.connect()["id"]
        for _ in range(2):
            self.emulator.expire_sessions()
            self.assertEqual(self.server.query(connection).status, 200)
        self.emulator.expire_sessions()
        answer = self.server.query(connection)
        self.assertIn(answer.status, (401, 503), answer)
        self.assertEqual(self.emulator.totals()["refreshes"], 2)
        self.assertEqual(self.server.show(connection)["standing"], "active")


class Registration(SalesforceStory):
    def test_b13_a_wrong_client_secret_harms_no_connection_and_mends_by_itself(self):
        connection = self.app.connect()["id"]
        self.emulator.client(secret="another-one")
        self.emulator.expire_sessions()
        answer = self.server.query(connection)
        self.assert_refused(answer, 502, "invalid_client")
        self.assertIn("client id or secret", answer.json["message"])
        self.assertEqual(self.server.show(connection)["standing"], "active")
        for _ in range(5):
            self.assertEqual(self.server.query(connection).status, 502)

        self.emulator.client(secret="latchkey-demo-secret")
        self.assertTrue(eventually(lambda: self.server.query(connection).status == 200, 15, 0.5))
        self.assertEqual(self.server.show(connection)["generation"], 2)
        self.quiet_ledger()

    def test_b13_a_wrong_client_secret_at_the_login_is_the_operators_to_mend(self):
        fields = Person().connect(self.app.link())
        self.emulator.client(secret="another-one")
        done = self.app.complete(fields)
        self.assert_refused(done, 502, "invalid_client")
        self.assertEqual(self.server.call("GET", "/v1/connections").json["items"], [])
        self.emulator.client(secret="latchkey-demo-secret")
        self.app.connect()

    def test_a_redirect_uri_that_is_not_registered_stops_the_person_at_salesforce(self):
        self.emulator.client(any_loopback_redirect=False,
                             redirect_uris=["https://elsewhere.example/callback"])
        person = Person()
        person.open(self.app.link())
        person.press()
        self.assertEqual(person.answer.status, 400, person.answer)
        self.assertIn("redirect_uri_mismatch", person.answer.text)

    def test_a_blocked_app_sends_the_person_back_with_the_reason(self):
        self.emulator.client(blocked=True)
        fields = Person().connect(self.app.link())
        self.assertEqual(fields["error"], "app_blocked")
        self.assertNotIn("ticket", fields)

    def test_a_scope_that_the_app_lacks_sends_the_person_back_with_the_reason(self):
        self.emulator.client(scopes=["id"])
        person = Person()
        person.open(self.app.link())
        person.press()
        self.assertEqual(person.fields["error"], "invalid_scope")


class Away(SalesforceStory):
    def test_k1_an_emulator_that_is_away_means_503_and_everything_works_when_it_is_back(self):
        connection = self.app.connect()["id"]
        fields = Person().connect(self.app.link("user-2"))
        self.emulator.expire_sessions()
        port = self.emulator.url.rsplit(":", 1)[1]
        self.assertEqual(self.emulator.stop(), 0)

        answer = self.server.query(connection)
        self.assertEqual(answer.status, 503, answer)
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        self.assertGreater(len(answer.json["message"]), 20)
        done = self.app.complete(fields, "user-2")
        self.assertEqual(done.status, 503, done)
        self.assertGreaterEqual(int(done.headers["Retry-After"]), 1)
        vend = self.server.call("GET", f"/v1/connections/{connection}/token")
        self.assertEqual(vend.status, 200, "the last token is served until Salesforce refuses it")
        page = Person().open(self.app.link("user-3"))
        self.assertEqual(page.status, 200)
        self.assertEqual(self.server.show(connection)["standing"], "active")

        self.emulator = self.start_emulator(listen=f"127.0.0.1:{port}")
        self.assertTrue(eventually(lambda: self.server.query(connection).status == 200, 15, 0.3))
        self.quiet_ledger()
        self.assertEqual(self.app.connect("user-2")["standing"], "active")

    def test_a_slow_refresh_is_waited_for_and_a_slow_call_too(self):
        connection = self.app.connect()["id"]
        self.emulator.expire_sessions()
        self.emulator.fault(TOKEN_PATH, when="after", delay_ms=1500)
        self.emulator.fault("/services/data", when="after", delay_ms=500)
        begun = time.monotonic()
        answer = self.server.query(connection)
        self.assertEqual(answer.status, 200, answer)
        self.assertGreater(time.monotonic() - begun, 1.4)
        self.quiet_ledger()

    def test_h17_limits_of_the_org_pass_unchanged_and_nothing_is_repeated(self):
        connection = self.app.connect()["id"]
        body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED",
                 "message": "TotalRequests Limit exceeded."}]
        self.emulator.fault("/services/data", status=403, body=body)
        answer = self.server.query(connection)
        self.assertEqual((answer.status, answer.json), (403, body))
        self.assertEqual(answer.headers["Latchkey-Answer"], "salesforce")
        self.emulator.fault("/services/data", status=429, headers={"Retry-After": "7"}, body="[]")
        answer = self.server.query(connection)
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (429, "7"))
        self.emulator.fault("/services/data", status=503, headers={"Retry-After": "9"},
                            body="<html>maintenance</html>")
        answer = self.server.query(connection)
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "9"))
        self.assertEqual(self.emulator.totals()["refreshes"], 0)
        self.assertEqual(self.server.query(connection).status, 200)

    def test_b14_a_429_of_the_token_endpoint_is_respected(self):
        connection = self.app.connect()["id"]
        self.emulator.expire_sessions()
        self.emulator.fault(TOKEN_PATH, status=429, headers={"Retry-After": "3"}, body="{}")
        for _ in range(3):
            # Salesforce's own 401 passes while no newer token can be had.
            self.assertIn(self.server.query(connection).status, (401, 503))
        self.assertEqual(self.server.show(connection)["standing"], "active")
        uses = self.emulator.control("GET", "ledger?uses=1")["uses"]
        self.assertEqual(len(uses), 1, "nothing is asked within Retry-After")
        self.assertTrue(eventually(lambda: self.server.query(connection).status == 200, 10, 0.5))
        self.quiet_ledger()

    def test_b15_after_an_unclear_answer_the_refresh_token_is_not_sent_again(self):
        for body in ({"status": 500, "body": "<html>oops</html>"}, {"reset": True},
                     {"status": 302, "headers": {"Location": "http://127.0.0.1:1/x"}, "body": "-"}):
            connection = self.app.connect()["id"]
            self.emulator.expire_sessions()
            self.emulator.fault(TOKEN_PATH, **body)
            answer = self.server.query(connection)
            self.assert_refused(answer, 503, "rotation_uncertain")
            self.assertGreater(int(answer.headers["Retry-After"]), 1)
            self.assertEqual(self.server.show(connection)["standing"], "uncertain")
            self.assertEqual(self.server.query(connection).status, 503)
        uses = self.emulator.control("GET", "ledger?uses=1")["uses"]
        self.assertEqual(len(uses), 3, "each token was presented once")
        self.quiet_ledger()

    def test_b12_a_request_under_way_elsewhere_is_no_verdict_on_the_grant(self):
        connection = self.app.connect()["id"]
        self.emulator.expire_sessions()
        self.emulator.fault(TOKEN_PATH, status=400, body={
            "error": "invalid_grant", "error_description": "token request is already being processed"})
        self.assert_refused(self.server.query(connection), 503, "rotation_uncertain")
        self.assertEqual(self.server.show(connection)["standing"], "uncertain")

    def test_a26_a_code_whose_answer_was_lost_is_never_sent_again(self):
        fields = Person().connect(self.app.link())
        self.emulator.fault(TOKEN_PATH, when="after", reset=True)
        done = self.app.complete(fields)
        self.assert_refused(done, 502, "exchange_unknown")
        self.assertIn("log in again", done.json["message"])
        self.assert_refused(self.app.complete(fields), 409, "flow_failed")
        self.app.connect()

    def test_b7_an_answer_in_html_ends_the_login_with_a_clear_error(self):
        fields = Person().connect(self.app.link())
        self.emulator.fault(TOKEN_PATH, status=200, body="<html>please log in to the Wi-Fi</html>")
        done = self.app.complete(fields)
        self.assertEqual(done.status, 502, done)
        self.assertEqual(done.error, "upstream_invalid_response")

    def test_h7_a_redirect_of_the_api_is_not_followed(self):
        connection = self.app.connect()["id"]
        self.emulator.fault("/services/data", status=302, body="-",
                            headers={"Location": f"http://127.0.0.1:{free_port()}/x"})
        answer = self.server.query(connection)
        self.assertEqual(answer.status, 302, answer)
        self.assertNotIn("Location", answer.headers)

    def test_h8_cookies_and_transport_security_of_salesforce_stay_there(self):
        connection = self.app.connect()["id"]
        self.emulator.fault("/services/data", when="after", headers={
            "Set-Cookie": "sid=secret", "Strict-Transport-Security": "max-age=1",
            "Clear-Site-Data": "*", "Alt-Svc": "h3", "Sforce-Limit-Info": "api-usage=1/2"})
        answer = self.server.query(connection)
        self.assertEqual(answer.status, 200)
        for name in ("Set-Cookie", "Strict-Transport-Security", "Clear-Site-Data", "Alt-Svc"):
            self.assertNotIn(name, answer.headers)
        self.assertEqual(answer.headers["Sforce-Limit-Info"], "api-usage=1/2")

    def test_b25_a_revocation_is_repeated_until_salesforce_has_answered(self):
        connection = self.app.connect()["id"]
        self.emulator.fault("/services/oauth2/revoke", count=1, status=503, body="later")
        self.assertEqual(self.server.call("DELETE", f"/v1/connections/{connection}").status, 202)
        self.assert_refused(self.server.query(connection), 409, "connection_revoked")
        self.assertTrue(eventually(
            lambda: self.server.show(connection)["standing"] == "revoked", 20, 0.3))
        self.assertEqual(self.emulator.totals()["live_tokens"], 0)
        self.assertEqual(self.server.call("DELETE", f"/v1/connections/{connection}").status, 202)


class OperatorsHand(SalesforceStory):
    def test_a_quarantined_connection_hands_out_nothing_until_it_is_released(self):
        connection = self.app.connect()["id"]
        put = self.server.call("POST", f"/v1/connections/{connection}/quarantine")
        self.assertEqual((put.status, put.json["standing"]), (200, "quarantined"))
        self.assert_refused(self.server.query(connection), 409, "quarantined")
        self.assert_refused(self.server.call("GET", f"/v1/connections/{connection}/token"),
                            409, "quarantined")
        out = self.server.call("POST", f"/v1/connections/{connection}/release")
        self.assertEqual((out.status, out.json["standing"]), (200, "active"))
        self.assertEqual(self.server.query(connection).status, 200)

    def test_a_refresh_by_hand_keeps_the_budget_of_one_a_minute(self):
        connection = self.app.connect()["id"]
        done = self.server.call("POST", f"/v1/connections/{connection}/refresh")
        self.assertEqual((done.status, done.json["generation"]), (200, 2), done)
        again = self.server.call("POST", f"/v1/connections/{connection}/refresh")
        self.assertEqual(again.status, 503, again)
        self.assertEqual(again.error, "rotated_recently")
        self.assertGreater(int(again.headers["Retry-After"]), 30)
        self.quiet_ledger()


if __name__ == "__main__":
    unittest.main()
