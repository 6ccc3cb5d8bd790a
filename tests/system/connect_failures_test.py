"""What a person and an app meet when a login does not go as planned."""
import contextlib
import sqlite3
import unittest

from latchkey_processes import Story, request
from person import App, Person

PAGE_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class ConnectStory(Story):
    def setUp(self):
        super().setUp()
        self.emulator = self.start_emulator()
        self.server = self.start_server(self.emulator.url)
        self.app = App(self.server)

    def assert_page(self, answer, status, code):
        """An error page: a heading, our code, a sentence, and headers that keep it harmless."""
        self.assertEqual(answer.status, status, answer)
        self.assertTrue(answer.headers["Content-Type"].startswith("text/html"), answer)
        self.assertIn(f"Error: {code}", answer.text)
        self.assertIn("<h1>", answer.text)
        self.assert_page_headers(answer)

    def assert_page_headers(self, answer):
        for name, value in PAGE_HEADERS.items():
            self.assertEqual(answer.headers[name], value, name)
        policy = answer.headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertIn("base-uri 'none'", policy)

    def until_callback(self, end_user="user-1", decision="allow"):
        """A person who stops just before the callback; gives them and the callback's address."""
        person = Person()
        person.open(self.app.link(end_user))
        person.press()
        person.press(username=self.emulator.USER, pw=self.emulator.PASSWORD)
        person.press(button=decision, follow=False)
        return person, person.answer.headers["Location"]

    def redeemed_nothing(self):
        self.assertEqual(self.emulator.control("GET", "ledger")["grants"], [])


class People(ConnectStory):
    def test_a7_who_denies_consent_comes_back_to_the_app_with_access_denied(self):
        fields = Person().connect(self.app.link(), decision="deny")
        self.assertEqual(set(fields), {"error", "flow"})
        self.assertEqual(fields["error"], "access_denied")
        fields["ticket"] = "none"
        done = self.app.complete(fields)
        self.assert_refused(done, 409, "flow_failed")
        self.assertIn("access_denied", done.json["message"])
        self.redeemed_nothing()

    def test_a_wrong_password_is_told_by_salesforce_and_can_be_corrected(self):
        person = Person()
        person.open(self.app.link())
        person.press()
        person.press(username=self.emulator.USER, pw="wrong")
        self.assertEqual(person.answer.status, 200)
        self.assertIn('role="alert"', person.answer.text)
        person.log_in()
        self.assertEqual(self.app.complete(person.fields).status, 201)

    def test_a6_an_expired_link_says_so_and_where_to_go(self):
        link = self.app.link()
        self.server.stop()
        with contextlib.closing(sqlite3.connect(self.server.data / "latchkey.db")) as store:
            with store:
                store.execute("UPDATE flows SET created_at = created_at - 601")
        again = self.start_server(self.emulator.url)
        link = again.url + link[len(self.server.url):]
        page = Person().open(link)
        self.assert_page(page, 410, "link_expired")
        self.assertIn("Go back to the app", page.text)

    def test_a15_a_link_is_good_for_one_browser(self):
        link = self.app.link()
        first, second = Person(), Person()
        first.open(link)
        second.open(link)
        first.press()
        self.assert_page(second.press(), 410, "link_used")
        self.assert_page(Person().open(link), 410, "link_used")
        first.log_in()
        self.assertEqual(self.app.complete(first.fields).status, 201)

    def test_an_unknown_link_is_a_page_with_404(self):
        self.assert_page(Person().open(f"{self.server.url}/connect/nobody-made-this"), 404,
                         "link_unknown")

    def test_a3_another_browser_cannot_bring_the_callback_and_the_right_one_still_can(self):
        person, callback = self.until_callback()
        stranger = Person()
        stranger.send("GET", callback)
        self.assert_page(stranger.answer, 400, "browser_mismatch")
        self.assertNotIn("Location", stranger.answer.headers)
        person.send("GET", callback)
        person.follow()
        self.assertEqual(self.app.complete(person.fields).status, 201)

    def test_a2_a_wrong_state_is_refused_without_a_redirect(self):
        person, callback = self.until_callback()
        base = callback.split("?")[0]
        for state in ("nobodys-state", "x" * 10000, "%00", "a%20b"):
            answer = person.send("GET", f"{base}?code=abc&state={state}")
            self.assert_page(answer, 400, "invalid_state")
            self.assertNotIn("Location", answer.headers)
        self.redeemed_nothing()

    def test_a1_and_a10_a_callback_without_or_with_two_states_is_refused(self):
        person, callback = self.until_callback()
        base = callback.split("?")[0]
        self.assert_page(person.send("GET", f"{base}?code=abc"), 400, "missing_parameter")
        self.assert_page(person.send("GET", callback + "&state=again"), 400,
                         "duplicate_parameter")
        self.redeemed_nothing()

    def test_a8_and_a9_an_error_without_our_state_goes_nowhere_and_is_shown_escaped(self):
        words = "%3Cscript%3Ealert(1)%3C/script%3E%0d%0aSet-Cookie:+a=b"
        answer = request(self.server.url, "GET",
                         "/oauth/callback/salesforce?error=access_denied&state=unknown"
                         f"&error_description={words}")
        self.assert_page(answer, 400, "invalid_state")
        self.assertNotIn("<script", answer.text)
        self.assertNotIn("Set-Cookie", answer.headers)

    def test_a4_a_callback_that_was_completed_cannot_come_again(self):
        person, callback = self.until_callback()
        person.send("GET", callback)
        person.follow()
        self.assertEqual(self.app.complete(person.fields).status, 201)
        self.assert_page(person.send("GET", callback), 400, "state_used")

    def test_a13_a_callback_on_another_providers_path_is_refused(self):
        person, callback = self.until_callback()
        moved = callback.replace("/oauth/callback/salesforce", "/oauth/callback/sandbox")
        self.assert_page(person.send("GET", moved), 400, "context_mismatch")

    def test_a28_parameters_added_to_link_and_form_change_nothing(self):
        person = Person()
        link = self.app.link()
        person.open(link + "?login_host=evil.example&prompt=none")
        self.assertEqual(person.answer.status, 200)
        departure = person.press(follow=False, login_host="evil.example", scope="full",
                                 redirect_uri="https://evil.example/")
        self.assertEqual(departure.status, 303)
        to = departure.headers["Location"]
        self.assertTrue(to.startswith(self.emulator.url + "/"), to)
        self.assertNotIn("evil", to)
        self.assertNotIn("full", to)

    def test_a17_each_login_has_a_challenge_of_its_own(self):
        seen = set()
        for _ in range(3):
            person = Person()
            person.open(self.app.link())
            to = person.press(follow=False).headers["Location"]
            self.assertIn("code_challenge_method=S256", to)
            seen.add(to.split("code_challenge=")[1].split("&")[0])
        self.assertEqual(len(seen), 3)


class Tickets(ConnectStory):
    def test_a14_the_ticket_of_another_user_connects_nobody(self):
        fields = Person().connect(self.app.link("attacker"))
        self.assert_refused(self.app.complete(fields, "victim"), 403, "user_mismatch")
        self.redeemed_nothing()
        after = self.app.complete(fields, "attacker")
        self.assert_refused(after, 409, "flow_failed")

    def test_d8_a_key_of_another_app_does_not_know_the_session(self):
        fields = Person().connect(self.app.link())
        foreign = self.server.new_key("connect")
        self.assert_refused(self.app.complete(fields, key=foreign), 404, "flow_not_found")
        powerless = self.server.new_key("read", "proxy")
        self.assert_refused(self.app.complete(fields, key=powerless), 403, "permission_denied")
        self.redeemed_nothing()
        self.assertEqual(self.app.complete(fields).status, 201)

    def test_a_foreign_ticket_is_refused_and_harms_nothing(self):
        mine = Person().connect(self.app.link("user-1"))
        other = Person().connect(self.app.link("user-2"))
        mixed = {"flow": mine["flow"], "ticket": other["ticket"]}
        self.assert_refused(self.app.complete(mixed, "user-1"), 409, "ticket_invalid")
        self.assertEqual(self.app.complete(mine, "user-1").status, 201)

    def test_a_session_that_nobody_finished_cannot_be_completed(self):
        opened = self.app.open_session().json
        done = self.app.complete({"flow": opened["id"], "ticket": "early"})
        self.assert_refused(done, 409, "ticket_invalid")
        self.assertIn("not come back", done.json["message"])

    def test_a_reconnect_is_for_the_connections_own_user(self):
        connection = self.app.connect("user-1")["id"]
        self.assert_refused(self.app.open_session("user-2", connection_id=connection), 404,
                            "connection_not_found")
        self.assert_refused(self.app.open_session("user-1", connection_id="cn_nobody"), 404,
                            "connection_not_found")

    def test_d1_and_d2_only_a_loopback_return_url_is_taken_in_dev(self):
        for url in ("https://evil.example/done", "http://127.0.0.1.evil.example/", "//evil",
                    "javascript:alert(1)", "http://user@127.0.0.1:9/", "http://127.0.0.1:9/#x",
                    "http://127.0.0.1:9/a/../b"):
            answer = self.app.open_session(return_url=url)
            self.assert_refused(answer, 400, "invalid_return_url")


class Pages(ConnectStory):
    def test_a16_heads_previews_and_prefetches_bind_nothing(self):
        link = self.app.link()
        target = link[len(self.server.url):]
        for method, lines in (("HEAD", {}), ("GET", {"Sec-Purpose": "prefetch"}),
                              ("GET", {"Purpose": "preview"}), ("HEAD", {}), ("GET", {})):
            seen = request(self.server.url, method, target, headers=lines)
            self.assertEqual(seen.status, 200, seen)
            self.assertNotIn("Set-Cookie", seen.headers)
            self.assertNotIn("Location", seen.headers)
            if method == "HEAD":
                self.assertEqual(seen.body, b"")
        fields = Person().connect(link)
        self.assertEqual(self.app.complete(fields).status, 201)

    def test_a24_and_a25_pages_refuse_frames_and_forms_answer_303(self):
        person = Person()
        page = person.open(self.app.link())
        self.assert_page_headers(page)
        self.assertNotIn("<script", page.text)
        self.assertNotIn("http://", page.text)
        departure = person.press(follow=False)
        self.assertEqual(departure.status, 303)
        self.assert_page_headers(departure)
        person.follow()
        person.log_in()
        arrival = person.hop("/oauth/callback/")
        self.assertEqual(arrival.status, 303)
        self.assert_page_headers(arrival)
        # D5: nothing of the login is in the address that the app gets.
        for word in ("code=", "state=", "token"):
            self.assertNotIn(word, arrival.headers["Location"])

    def test_a_form_from_another_site_is_refused(self):
        link = self.app.link()
        target = link[len(self.server.url):]
        for lines in ({"Origin": "https://evil.example"},
                      {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
                      {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
                      {"Origin": "null", "Sec-Fetch-Site": "same-site"},
                      {"Origin": self.server.url, "Sec-Fetch-Site": "cross-site"},
                      {"Sec-Fetch-Site": "none"},
                      {"Origin": "null"},
                      {}):
            answer = request(self.server.url, "POST", target, b"", lines)
            self.assert_page(answer, 403, "cross_site")
            self.assertNotIn("Set-Cookie", answer.headers)
        for lines in ({"Origin": self.server.url},):
            answer = request(self.server.url, "POST", target, b"", lines)
            self.assertEqual(answer.status, 303, answer)

    def test_a_form_of_a_browser_that_hides_the_origin_is_taken_from_our_own_page(self):
        target = self.app.link()[len(self.server.url):]
        answer = request(self.server.url, "POST", target, b"",
                         {"Origin": "null", "Sec-Fetch-Site": "same-origin"})
        self.assertEqual(answer.status, 303, answer)

    def test_a21_pages_answer_under_their_own_host_only_and_link_to_nothing_else(self):
        target = self.app.link()[len(self.server.url):]
        port = self.server.url.rsplit(":", 1)[1]
        for host in ("evil.example", f"evil.example:{port}", f"localhost:{port}", "127.0.0.1"):
            for path in (target, "/oauth/callback/salesforce?state=a&code=b"):
                answer = request(self.server.url, "GET", path, headers={"Host": host})
                self.assert_page(answer, 421, "unknown_host")
        lines = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example;proto=https",
                 "X-Forwarded-Proto": "https"}
        page = request(self.server.url, "GET", target, headers=lines)
        self.assertEqual(page.status, 200)
        self.assertNotIn("evil.example", page.text)
        opened = self.server.call("POST", "/v1/connect/sessions",
                                  {"end_user": "u", "return_url": "http://127.0.0.1:9/done"},
                                  headers={"Host": "evil.example", **lines})
        self.assertEqual(opened.status, 201, opened)
        self.assertTrue(opened.json["connect_url"].startswith(self.server.url + "/connect/"))

    def test_e1_the_flows_cookie_is_for_this_flow_and_this_server_alone(self):
        person = Person()
        person.open(self.app.link())
        lines = person.press(follow=False).headers.get_all("Set-Cookie")
        self.assertEqual(len(lines), 1)
        attributes = [part.strip() for part in lines[0].split(";")[1:]]
        self.assertLessEqual({"HttpOnly", "SameSite=Lax", "Path=/"}, set(attributes))
        self.assertFalse([a for a in attributes if a.lower().startswith("domain")])

    def test_e2_the_same_cookie_twice_is_refused(self):
        person, callback = self.until_callback()
        name, value = next((n, v) for n, v in person.cookies["127.0.0.1"].items()
                           if n.startswith("lk-"))
        answer = request(self.server.url, "GET", callback[len(self.server.url):],
                         headers={"Cookie": f"{name}={value}; {name}=other"})
        self.assert_page(answer, 400, "browser_mismatch")

    def test_the_purpose_is_shown_as_text(self):
        page = Person().open(self.app.link(purpose="<img src=x onerror=alert(1)> & \"more\""))
        self.assertNotIn("<img", page.text)
        self.assertIn("&lt;img", page.text)


if __name__ == "__main__":
    unittest.main()
