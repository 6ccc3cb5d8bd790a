"""A person at a browser: opens addresses, presses buttons, keeps cookies, and writes down the way.

Like browse.py it reads the forms of pages. Unlike it, it takes one step at a time, shows each answer,
and stops before the app's own return URL, which nobody serves here.
"""
import pathlib
import re
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from browse import Forms  # noqa: E402
from latchkey_processes import Emulator, request  # noqa: E402

MOST_STEPS = 15


class Person:
    def __init__(self, app_url="http://127.0.0.1:9/done"):
        self.app_url = app_url
        self.cookies = {}   # as in browsers, one jar for all ports of a host
        self.url = None
        self.answer = None
        self.trail = []     # every answer on the way: (method, url, answer)

    # One step ---------------------------------------------------------------------------------

    def send(self, method, url, fields=None, headers=None):
        """One request, no redirect followed."""
        parts = urllib.parse.urlsplit(url)
        lines = {"Accept": "text/html", **(headers or {})}
        jar = self.cookies.get(parts.hostname, {})
        if jar:
            lines.setdefault("Cookie", "; ".join(f"{n}={v}" for n, v in jar.items()))
        body = None
        if fields is not None:
            body = urllib.parse.urlencode(fields).encode()
            lines.setdefault("Content-Type", "application/x-www-form-urlencoded")
        target = parts.path + ("?" + parts.query if parts.query else "")
        answer = request(f"{parts.scheme}://{parts.netloc}", method, target or "/", body, lines)
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            self.cookies.setdefault(parts.hostname, {})[name.strip()] = value.strip()
        self.trail.append((method, url, answer))
        self.url, self.answer = url, answer
        return answer

    def follow(self):
        """Follows redirects until a page, or the app's return URL, which is not loaded."""
        for _ in range(MOST_STEPS):
            if self.answer.status not in (301, 302, 303, 307, 308):
                return self.answer
            self.url = urllib.parse.urljoin(self.url, self.answer.headers["Location"])
            if self.returned:
                return self.answer
            self.send("GET", self.url)
        raise AssertionError("too many redirects")

    def open(self, url):
        self.send("GET", url)
        return self.follow()

    def press(self, button=None, follow=True, **typed):
        """Sends the page's form with its own fields, `typed` over them; `button` by its value."""
        page = self.page
        form = page.forms[0]
        fields = {name: value for kind, name, value in form["fields"] if name}
        fields.update(typed)
        for _, name, value in form["buttons"]:
            if name and (button is None or value == button):
                fields[name] = value
                break
        target = urllib.parse.urljoin(self.url, form["action"])
        before = urllib.parse.urlsplit(self.url)
        after = urllib.parse.urlsplit(target)
        same = (before.scheme, before.netloc) == (after.scheme, after.netloc)
        # A page that asks for no referrer makes browsers hide the origin of its forms, too.
        quiet = self.answer.headers.get("Referrer-Policy") == "no-referrer"
        self.send("POST", target, fields,
                  {"Origin": "null" if quiet else f"{before.scheme}://{before.netloc}",
                   "Sec-Fetch-Site": "same-origin" if same else "cross-site"})
        return self.follow() if follow else self.answer

    @property
    def page(self):
        forms = Forms()
        forms.feed(self.answer.text)
        return forms

    # Longer ways ------------------------------------------------------------------------------

    def log_in(self, decision="allow", username=Emulator.USER, password=Emulator.PASSWORD):
        """From the emulator's login page to the end of what it does."""
        if "pw" in [name for _, name, _ in self.page.forms[0]["fields"]]:
            self.press(username=username, pw=password)
        if not self.returned and self.page.forms:
            self.press(button=decision)
        return self.answer

    def connect(self, connect_url, decision="allow"):
        """The whole way from a connect link to the return URL; gives its fields."""
        self.open(connect_url)
        assert self.answer.status == 200, self.answer
        self.press()
        if not self.returned:
            assert self.answer.status == 200, self.answer
            self.log_in(decision)
        return self.fields

    @property
    def returned(self):
        return self.url.split("?")[0] == self.app_url

    @property
    def fields(self):
        """What the return URL brought."""
        assert self.returned, f"still at {self.url}: {self.answer}"
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.url).query))

    def hop(self, pattern):
        """The last answer on the way whose address fits."""
        return next(a for _, url, a in reversed(self.trail) if re.search(pattern, url))


class App:
    """The app's backend: opens connect sessions for its users and completes them."""

    def __init__(self, server, key=None, return_url="http://127.0.0.1:9/done"):
        self.server, self.key, self.return_url = server, key, return_url

    def open_session(self, end_user="user-1", **more):
        body = {"end_user": end_user, "return_url": self.return_url, **more}
        return self.server.call("POST", "/v1/connect/sessions", body, key=self.key)

    def link(self, end_user="user-1", **more):
        opened = self.open_session(end_user, **more)
        assert opened.status == 201, opened
        return opened.json["connect_url"]

    def complete(self, fields, end_user="user-1", key=None):
        return self.server.call("POST", f"/v1/connect/sessions/{fields['flow']}/complete",
                                {"ticket": fields["ticket"], "end_user": end_user},
                                key=key or self.key)

    def connect(self, end_user="user-1", person=None, **more):
        """A user connects; returns the connection."""
        walker = person or Person(self.return_url)
        done = self.complete(walker.connect(self.link(end_user, **more)), end_user)
        assert done.status == 201, done
        return done.json
