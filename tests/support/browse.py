#!/usr/bin/env python3
"""A person at a browser, scripted: opens a URL, fills in login and consent forms, follows redirects.

    browse.py URL [--username NAME] [--password WORD] [--choose deny]

Prints the title of the last page. It keeps cookies, sends Origin and Referer as browsers do, runs no
scripts, and gives up after 12 pages. Exit status 1: the last page was an error or still a form.
"""
import argparse
import html.parser
import http.cookiejar
import sys
import urllib.error
import urllib.parse
import urllib.request

MOST_PAGES = 12
TIMEOUT = 90


class Forms(html.parser.HTMLParser):
    """Collects the title and the forms of a page, each with its fields and its submit buttons."""

    def __init__(self):
        super().__init__()
        self.title = ""
        self.forms = []
        self.in_title = False

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        if tag == "title":
            self.in_title = True
        elif tag == "form":
            self.forms.append({"action": a.get("action", ""), "fields": [], "buttons": [],
                               "method": (a.get("method") or "get").lower()})
        elif tag in ("input", "button") and self.forms:
            kind = (a.get("type") or ("submit" if tag == "button" else "text")).lower()
            entry = (kind, a.get("name", ""), a.get("value") or "")
            self.forms[-1]["buttons" if kind == "submit" else "fields"].append(entry)

    def handle_endtag(self, tag):
        if tag == "title":
            self.in_title = False

    def handle_data(self, text):
        if self.in_title:
            self.title += text


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """With `stop_at`, a redirect to a URL that begins so ends the walk: it is the app's own page.
    `visited` holds every URL in order."""

    def __init__(self, username, password, choose=None, stop_at=None):
        self.username, self.password, self.choose = username, password, choose
        self.stop_at = stop_at
        self.visited = []
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(
            NoRedirect, urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(self.cookies))

    def load(self, url, fields=None, referer=None):
        """Follows redirects; returns (status, final URL, text)."""
        for _ in range(MOST_PAGES):
            self.visited.append(url)
            if self.stop_at and url.startswith(self.stop_at):
                return 200, url, ""
            status, location, text = self.load_one(url, fields, referer)
            if status not in (301, 302, 303) or not location:
                return status, url, text
            fields, referer, url = None, None, urllib.parse.urljoin(url, location)
        return 508, url, ""

    def load_one(self, url, fields, referer):
        """One request; returns (status, Location or None, text)."""
        data = None if fields is None else urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(url, data, {"Accept": "text/html"})
        if fields is not None and referer:
            parts = urllib.parse.urlsplit(referer)
            request.add_header("Origin", f"{parts.scheme}://{parts.netloc}")
            request.add_header("Referer", referer)
        try:
            answer = self.opener.open(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            answer = error
        return answer.status, answer.headers["Location"], answer.read().decode(errors="replace")

    def filled(self, form):
        fields = []
        for kind, name, value in form["fields"]:
            if kind == "password":
                value = self.password
            elif kind in ("text", "email") and not value:
                value = self.username
            if name:
                fields.append((name, value))
        chosen = [b for b in form["buttons"] if self.choose and b[2] == self.choose]
        for _, name, value in (chosen or form["buttons"])[:1]:
            if name:
                fields.append((name, value))
        return fields

    def walk(self, url):
        """Goes on until a page has no form. Returns (ok, final URL, title, text)."""
        status, url, text = self.load(url)
        for _ in range(MOST_PAGES):
            page = Forms()
            page.feed(text)
            if status >= 400 or not page.forms:
                return status < 400, url, page.title.strip(), text
            form = page.forms[0]
            target = urllib.parse.urljoin(url, form["action"])
            fields = self.filled(form)
            if form["method"] == "post":
                status, url, text = self.load(target, fields, referer=url)
            else:
                query = urllib.parse.urlencode(fields)
                status, url, text = self.load(target + ("?" + query if query else ""))
        return False, url, "too many pages", text


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("url")
    arguments.add_argument("--username", default="ada@acme.example")
    arguments.add_argument("--password", default="latchkey")
    arguments.add_argument("--choose")
    given = arguments.parse_args()
    ok, url, title, _ = Browser(given.username, given.password, given.choose).walk(given.url)
    print(title)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
