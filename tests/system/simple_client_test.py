"""The idiom of Python's simple-salesforce: of an instance URL it keeps host and port, and speaks https to
them whatever the URL said. So it needs the origin's root, and TLS in front."""
import http.client
import json
import ssl
import subprocess
import unittest
import urllib.parse

from latchkey_processes import Process, Story, free_port
from person import App


class SimpleClient:
    """Calls as that library makes them; paths of further pages are appended to the host."""

    def __init__(self, instance_url, session_id, context):
        self.place = urllib.parse.urlsplit(instance_url).netloc
        self.base = "/services/data/v59.0/"
        self.session_id = session_id
        self.context = context
        self.api_usage = None

    def call(self, method, path, body=None):
        connection = http.client.HTTPSConnection(self.place, timeout=40, context=self.context)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {
                "Content-Type": "application/json", "Authorization": "Bearer " + self.session_id,
                "X-PrettyPrint": "1"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        self.api_usage = answer.headers.get("Sforce-Limit-Info", self.api_usage)
        if answer.status >= 300:
            raise RuntimeError(json.loads(text)[0]["errorCode"])
        return json.loads(text) if text else None

    def query_all(self, soql):
        page = self.call("GET", self.base + "query/?q=" + urllib.parse.quote_plus(soql))
        records = page["records"]
        while not page["done"]:
            page = self.call("GET", page["nextRecordsUrl"])
            records += page["records"]
        return records


class HostOnly(Story):
    def test_a_client_that_keeps_the_host_alone_works_over_tls(self):
        certificate, key = self.folder / "cert.pem", self.folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
            check=True, capture_output=True)
        key.chmod(0o600)
        emulator = self.start_emulator()
        server = self.start_server(emulator.url)
        connection = App(server).connect()["id"]
        self.assertEqual(server.stop(), 0)
        place = f"127.0.0.1:{free_port()}"
        secret = self.folder / "secret"
        secret.write_text("latchkey-demo-secret\n")
        secret.chmod(0o600)
        file = self.folder / "latchkey.toml"
        file.write_text(f"""
public_url = "https://{place}"
[server]
listen = "{place}"
operators_listen = "127.0.0.1:{free_port()}"
tls_certificate_file = "{certificate}"
tls_key_file = "{key}"
[store]
path = "{server.data}/latchkey.db"
[keys]
master_key_file = "{server.data}/master-key"
[providers.salesforce]
login_url = "{emulator.url}"
client_id = "latchkey-demo"
client_secret_file = "{secret}"
return_urls = ["http://127.0.0.1:9/done"]
""")
        self.ended_with_test(Process(["server", "--config", str(file)], self.folder, "tls"))
        context = ssl.create_default_context(cafile=certificate)
        app = SimpleClient(f"https://{place}", server.key, context)
        session = app.call("POST", f"/v1/connections/{connection}/sessions", {})
        self.assertTrue(session["instance_url"].startswith("https://"), session)

        client = SimpleClient(session["instance_url"] + "/ignored/path", session["access_token"],
                              context)
        contacts = client.query_all("SELECT Id FROM Contact")
        count = client.call("GET", client.base + "query/?q=SELECT+COUNT()+FROM+Contact")
        self.assertEqual(len({c["Id"] for c in contacts}), count["totalSize"])
        made = client.call("POST", client.base + "sobjects/Account/", {"Name": "Host only"})
        client.call("PATCH", client.base + "sobjects/Account/" + made["id"], {"Industry": "Energy"})
        read = client.call("GET", client.base + "sobjects/Account/" + made["id"])
        self.assertEqual(read["Industry"], "Energy")
        client.call("DELETE", client.base + "sobjects/Account/" + made["id"])
        self.assertRegex(client.api_usage, r"^api-usage=\d+/\d+$")
        with self.assertRaisesRegex(RuntimeError, "INVALID_SESSION_ID"):
            SimpleClient(f"https://{place}", "00D000000000000!no", context).query_all("SELECT Id FROM Account")


if __name__ == "__main__":
    unittest.main()
