"""An org's API calls of 24 hours run short: calls of low priority are let go first, those of high never."""
import unittest

from latchkey_processes import Story, request, run
from person import App

DATA = "/services/data/v62.0"
LIMIT = 50  # low priority ends with less than 5 left, normal with none


class DailyLimit(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.server = self.start_server(self.emulator.url)
        self.connection = App(self.server).connect()["id"]
        self.begin_a_day()
        self.high, self.normal, self.low = (
            self.server.new_key("proxy", priority=one) for one in ("high", "normal", "low"))

    def begin_a_day(self):
        self.emulator.control("POST", "data", {"daily_limit": LIMIT})

    def ask(self, key, path=f"{DATA}/limits"):
        return self.server.call("GET", f"/proxy/{self.connection}{path}", key=key)

    def use(self, calls, key=None):
        for _ in range(calls):
            answer = self.ask(key)
            self.assertEqual(answer.status, 200, answer)
        return answer.headers["Sforce-Limit-Info"]

    def orgs(self):
        return self.server.operate("GET", "/v1/orgs").json["items"]

    def refusing(self, priority):
        line = f'latchkey_orgs_refusing_calls{{priority="{priority}"}} '
        metrics = self.server.operate("GET", "/metrics").text
        return int(metrics.split(line)[1].split("\n")[0])

    def test_low_priority_is_let_go_first_and_high_never(self):
        self.assertEqual(self.use(45, self.low), f"api-usage=45/{LIMIT}")
        self.assertEqual(self.refusing("low"), 0)
        self.use(1, self.low)
        refused = self.ask(self.low)
        self.assert_refused(refused, 429, "daily_limit_reserved")
        self.assertIn(f"46 of its {LIMIT}", refused.json["message"])
        self.assertTrue(290 <= int(refused.headers["Retry-After"]) <= 301, refused.headers)
        self.assertEqual((self.refusing("low"), self.refusing("normal")), (1, 0))
        # A key without rules has normal priority, like the one that says so.
        self.use(1, self.normal)
        self.use(1)
        self.use(2, self.high)
        for key in (self.low, self.normal, None):
            self.assert_refused(self.ask(key), 429, "daily_limit_reserved")
        self.assertEqual((self.refusing("low"), self.refusing("normal")), (1, 1))
        # Whoever has high priority reads Salesforce's own refusal.
        last = self.ask(self.high)
        self.assertEqual(last.status, 403)
        self.assertEqual(last.headers["Latchkey-Answer"], "salesforce")
        self.assertEqual(last.json[0]["errorCode"], "REQUEST_LIMIT_EXCEEDED")
        org = self.server.show(self.connection)["org_id"][:15]
        self.assertEqual(self.orgs(), [{"org": org, "used": LIMIT, "limit": LIMIT,
                                        "refuses": ["low", "normal"]}])

    def test_an_answer_that_brings_better_news_lets_all_go_on(self):
        self.use(47)
        self.assert_refused(self.ask(self.low), 429, "daily_limit_reserved")
        self.begin_a_day()
        self.use(1, self.high)
        self.use(1, self.low)
        self.assertEqual(self.orgs()[0]["refuses"], [])

    def test_a_gateway_session_and_the_list_of_resources_are_refused_alike(self):
        opened = self.server.call("POST", f"/v1/connections/{self.connection}/sessions", {},
                                  key=self.low).json
        bearer = {"Authorization": "Bearer " + opened["access_token"]}
        # The list of resources goes through the library, which learns and asks as the relay does.
        for _ in range(46):
            self.assertEqual(request(self.server.url, "GET", DATA, headers=bearer).status, 200)
        self.assertEqual(self.orgs()[0]["used"], 46)
        for path in (DATA, f"{DATA}/limits"):
            answer = request(self.server.url, "GET", path, headers=bearer)
            self.assertEqual(answer.status, 429, answer)
            self.assertEqual(answer.json[0]["errorCode"], "DAILY_LIMIT_RESERVED")
            self.assertIn("Retry-After", answer.headers)
        self.assert_refused(self.ask(self.low, DATA), 429, "daily_limit_reserved")

    def test_only_an_admin_sees_the_orgs(self):
        self.assert_refused(self.server.operate("GET", "/v1/orgs", key=self.low), 403,
                            "permission_denied")
        self.assert_refused(self.server.operate("GET", "/v1/orgs?limit=0"), 400,
                            "invalid_parameter")
        self.assertEqual(self.server.call("GET", "/v1/orgs").status, 404)


class Settings(Story):
    def test_a_reserve_is_a_percentage(self):
        for value in ("-1", "101", "ten"):
            done = run("server", "--config-test",
                       environment={"LATCHKEY_GATEWAY_RESERVE_FROM_LOW_PERCENT": value})
            self.assertEqual(done.returncode, 78)
            self.assertIn(b"must be a whole number from 0 to 100", done.stderr)


if __name__ == "__main__":
    unittest.main()
