"""The way of a connection, from the link to its revocation, over HTTP and with the real processes."""
import concurrent.futures
import unittest

from latchkey_processes import Story, eventually
from person import App, Person


def at_once(times, what):
    """Runs `what` in that many threads; their results."""
    with concurrent.futures.ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: what(), range(times)))


class Flow(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.server = self.start_server(self.emulator.url)
        self.app = App(self.server)

    def test_a_user_connects_queries_outlives_a_dead_session_and_leaves(self):
        opened = self.app.open_session("user-1", purpose="Show your accounts in Acme")
        self.assertEqual(opened.status, 201, opened)
        self.assertEqual(set(opened.json), {"id", "connect_url", "expires_at"})
        self.assertTrue(opened.json["connect_url"].startswith(self.server.url + "/connect/"))
        self.assertRegex(opened.json["expires_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

        person = Person()
        page = person.open(opened.json["connect_url"])
        self.assertEqual(page.status, 200)
        self.assertIn("Show your accounts in Acme", page.text)
        departure = person.press(follow=False)
        self.assertEqual(departure.status, 303)
        self.assertTrue(departure.headers["Location"].startswith(
            self.emulator.url + "/services/oauth2/authorize?"))
        self.assertIn("HttpOnly", departure.headers["Set-Cookie"])
        self.assertIn("SameSite=Lax", departure.headers["Set-Cookie"])
        person.follow()
        self.assertIn("Log in", person.page.title + page.text + person.answer.text)
        person.log_in()
        self.assertEqual(set(person.fields), {"ticket", "flow"})
        self.assertEqual(person.fields["flow"], opened.json["id"])

        first = self.app.complete(person.fields)
        self.assertEqual(first.status, 201, first)
        again = self.app.complete(person.fields)
        self.assertEqual(again.status, 200, again)
        connection = first.json
        self.assertEqual(again.json["id"], connection["id"])
        self.assertEqual(connection["end_user"], "user-1")
        self.assertEqual(connection["provider"], "salesforce")
        self.assertEqual(connection["standing"], "active")
        self.assertEqual(connection["username"], self.emulator.USER)
        self.assertEqual(connection["generation"], 1)
        self.assertEqual(connection["instance_url"], self.emulator.url)
        self.assertTrue(connection["org_id"].startswith("00D"))
        self.assertTrue(connection["user_id"].startswith("005"))
        self.assertLessEqual({"api", "refresh_token", "id"}, set(connection["scopes"]))

        listed = self.server.call("GET", "/v1/connections?end_user=user-1&standing=active")
        self.assertEqual([item["id"] for item in listed.json["items"]], [connection["id"]])
        self.assertEqual(self.server.show(connection["id"])["org_id"], connection["org_id"])

        token = self.server.call("GET", f"/v1/connections/{connection['id']}/token")
        self.assertEqual(token.status, 200, token)
        self.assertRegex(token.json["access_token"], r"^00D\w{12,15}![.\w]+$")
        self.assertEqual(token.json["generation"], 1)

        answer = self.server.query(connection["id"])
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["Latchkey-Answer"], "salesforce")
        self.assertEqual(answer.headers["Content-Security-Policy"], "sandbox")
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertTrue(answer.headers["Latchkey-Request-Id"].startswith("req_"))
        self.assertEqual(len(answer.json["records"]), 5)

        self.assertGreaterEqual(self.emulator.expire_sessions(), 1)
        answer = self.server.query(connection["id"])
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(len(answer.json["records"]), 5)
        shown = self.server.show(connection["id"])
        self.assertEqual(shown["generation"], 2)
        self.assertIn("refreshed_at", shown)
        totals = self.emulator.totals()
        self.assertEqual((totals["refreshes"], totals["reuses"]), (1, 0), totals)

        leaving = self.server.call("DELETE", f"/v1/connections/{connection['id']}")
        self.assertEqual(leaving.status, 202, leaving)
        self.assertIn(leaving.json["standing"], ("revoking", "revoked"))
        self.assert_refused(self.server.query(connection["id"]), 409, "connection_revoked")
        self.assertTrue(eventually(
            lambda: self.server.show(connection["id"])["standing"] == "revoked"))
        self.assertEqual(self.emulator.totals()["live_tokens"], 0)
        self.assertEqual(self.emulator.totals()["live_access_tokens"], 0)

    def test_fifty_calls_that_meet_a_dead_token_cause_one_refresh(self):
        connection = self.app.connect()["id"]
        self.emulator.expire_sessions()
        answers = at_once(50, lambda: self.server.query(connection))
        self.assertEqual({a.status for a in answers}, {200}, answers[:3])
        totals = self.emulator.totals()
        self.assertEqual(totals["refreshes"], 1, totals)
        self.assertEqual(totals["reuses"], 0, totals)
        self.assertLessEqual(totals["max_in_flight"], 1, totals)
        self.assertEqual(self.server.show(connection)["generation"], 2)

    def test_fifty_requests_for_the_token_while_a_refresh_is_slow_get_one_and_the_same(self):
        connection = self.app.connect()["id"]
        self.emulator.expire_sessions()
        self.emulator.client(refresh_latency=700)
        mixed = [lambda: self.server.query(connection),
                 lambda: self.server.call("GET", f"/v1/connections/{connection}/token")]
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda i: mixed[i % 2](), range(50)))
        self.assertEqual({a.status for a in answers}, {200}, answers[:3])
        totals = self.emulator.totals()
        self.assertEqual((totals["refreshes"], totals["reuses"]), (1, 0), totals)
        tokens = at_once(20, lambda: self.server.call(
            "GET", f"/v1/connections/{connection}/token").json)
        self.assertEqual({t["generation"] for t in tokens}, {2})
        self.assertEqual(len({t["access_token"] for t in tokens}), 1)

    def test_a_token_that_was_replaced_is_vended_to_nobody_any_more(self):
        connection = self.app.connect()["id"]
        vend = f"/v1/connections/{connection}/token"
        self.assertEqual(self.server.call("GET", vend).json["generation"], 1)
        self.emulator.expire_sessions()
        self.assertEqual(self.server.query(connection).status, 200)
        self.assertEqual(self.server.call("GET", vend).json["generation"], 2)
        self.assertEqual(self.server.call("GET", vend + "?valid_for=300").json["generation"], 2)
        refused = self.server.call("GET", vend + "?valid_for=100000")
        self.assert_refused(refused, 400, "invalid_parameter")
        self.assert_refused(self.server.call("POST", vend), 405, "method_not_allowed")
        self.assert_refused(self.server.call("GET", vend.replace(connection, "cn_none")), 404,
                            "connection_not_found")

    def test_callers_that_hang_up_do_not_stop_the_refresh(self):
        connection = self.app.connect()["id"]
        self.emulator.expire_sessions()
        self.emulator.client(refresh_latency=800)

        def impatient():
            try:
                self.server.query(connection, timeout=0.3)
            except TimeoutError:
                return "gave up"
            return "answered"

        self.assertEqual(set(at_once(5, impatient)), {"gave up"})
        self.assertTrue(eventually(lambda: self.server.show(connection)["generation"] == 2))
        self.assertEqual(self.server.query(connection).status, 200)
        totals = self.emulator.totals()
        self.assertEqual((totals["refreshes"], totals["reuses"]), (1, 0), totals)

    def test_without_rotation_the_same_refresh_token_goes_on(self):
        self.emulator.client(rotation=False)
        connection = self.app.connect()["id"]
        for generation in (2, 3):
            self.emulator.expire_sessions()
            self.assertEqual(self.server.query(connection).status, 200)
            self.assertEqual(self.server.show(connection)["generation"], generation)
        self.assertEqual(self.emulator.totals()["refreshes"], 2)

    def test_a_reconnect_keeps_the_connection_and_ends_the_old_grant(self):
        person = Person()
        connection = self.app.connect("user-1", person)["id"]
        link = self.app.link("user-1", connection_id=connection)
        done = self.app.complete(person.connect(link))
        self.assertEqual(done.status, 201, done)
        self.assertEqual(done.json["id"], connection)
        self.assertGreater(done.json["generation"], 1)
        self.assertTrue(eventually(lambda: self.emulator.totals()["live_tokens"] == 1),
                        self.emulator.totals())
        self.assertEqual(self.server.query(connection).status, 200)
        self.assertEqual(len(self.server.call("GET", "/v1/connections").json["items"]), 1)

    def test_a5_fifty_times_the_same_callback_end_in_one_live_ticket(self):
        person = Person()
        person.open(self.app.link())
        person.press()
        person.press(username=self.emulator.USER, pw=self.emulator.PASSWORD)
        person.press(button="allow")
        callback = next(url for _, url, _ in reversed(person.trail) if "/oauth/callback/" in url)
        lines = {"Cookie": "; ".join(f"{n}={v}" for n, v in person.cookies["127.0.0.1"].items())}
        target = callback[len(self.server.url):]
        answers = at_once(50, lambda: self.server.call("GET", target, key="", headers=lines))
        self.assertEqual({a.status for a in answers}, {303}, answers[:3])
        tickets = {a.headers["Location"] for a in answers}
        good = []
        for url in sorted(tickets):
            person.url = url
            done = self.app.complete(person.fields)
            if done.status in (200, 201):
                good.append(done.json["id"])
            else:
                self.assert_refused(done, 409, "ticket_invalid")
        self.assertEqual(len(good), 1, good)
        self.assertEqual(self.server.query(good[0]).status, 200)

    def test_writes_deletes_and_paging_go_through_the_proxy(self):
        connection = self.app.connect()["id"]
        root = f"/proxy/{connection}/services/data/v68.0"
        made = self.server.call("POST", f"{root}/sobjects/Account", {"Name": "Latchkey & Söhne"})
        self.assertEqual(made.status, 201, made)
        record = f"{root}/sobjects/Account/{made.json['id']}"
        self.assertEqual(self.server.call("PATCH", record, {"Name": "Renamed"}).status, 204)
        self.assertEqual(self.server.call("GET", record).json["Name"], "Renamed")
        self.assertEqual(self.server.call("DELETE", record).status, 204)
        gone = self.server.call("GET", record)
        self.assertEqual(gone.status, 404)
        self.assertEqual(gone.headers["Latchkey-Answer"], "salesforce")
        self.assertEqual(gone.json[0]["errorCode"], "ENTITY_IS_DELETED")

        page = self.server.call(
            "GET", f"{root}/query?q=SELECT+Id+FROM+Contact",
            headers={"Sforce-Query-Options": "batchSize=200"}).json
        read = len(page["records"])
        for _ in range(100):
            if page["done"]:
                break
            target = f"/proxy/{connection}{page['nextRecordsUrl']}"
            page = self.server.call("GET", target,
                                    headers={"Sforce-Query-Options": "batchSize=200"}).json
            read += len(page["records"])
        self.assertTrue(page["done"])
        self.assertEqual(read, page["totalSize"])

    def test_twenty_users_connect_at_the_same_time_each_to_a_connection_of_their_own(self):
        users = [f"user-{i}" for i in range(20)]
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            made = list(pool.map(lambda user: self.app.connect(user)["id"], users))
        self.assertEqual(len(set(made)), 20)
        for user, connection in zip(users, made):
            listed = self.server.call("GET", f"/v1/connections?end_user={user}").json["items"]
            self.assertEqual([item["id"] for item in listed], [connection])
        # Salesforce keeps five approvals of one user for one app: older ones end.
        self.assertEqual(self.emulator.totals()["live_tokens"], 5)

    def test_lists_come_in_pages_that_follow_each_other(self):
        self.emulator.client(max_approvals=50)
        made = [self.app.connect(f"user-{i}")["id"] for i in range(5)]
        seen, target = [], "/v1/connections?limit=2"
        for _ in range(3):
            page = self.server.call("GET", target).json
            seen += [item["id"] for item in page["items"]]
            target = f"/v1/connections?limit=2&cursor={page.get('next_cursor', '')}"
        self.assertNotIn("next_cursor", page)
        self.assertEqual(sorted(seen), sorted(made))


if __name__ == "__main__":
    unittest.main()
