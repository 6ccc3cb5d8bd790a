"""Many records through the command line: bulk queries, CSV, imports; on a store and at a server."""
import csv
import io
import json
import signal
import subprocess

from cli_test import DONE, FAILED, RECONNECT, USAGE, Terminal
from latchkey_processes import BINARY, clean, eventually, request
from person import App

JOBS = "/services/data/v68.0/jobs"


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


class Bulk(Terminal):
    def jobs(self, kind):
        return json.loads(self.latchkey("api", f"{JOBS}/{kind}"))["records"]

    def names(self, like):
        soql = f"SELECT Name FROM Account WHERE Name LIKE '{like}'"
        return [row["Name"] for row in rows_of(self.latchkey("query", soql, "--csv"))]

    def import_csv(self, text, *arguments, status=DONE):
        """Imports the text as a file of Accounts."""
        file = self.folder / "accounts.csv"
        file.write_text(text, newline="")
        return self.latchkey("bulk", "import", "Account", str(file), *arguments, status=status)

    def look_at_a_million(self):
        """A bulk query and an import, as they are everywhere."""
        self.emulator.control("POST", "data", {"generated_records": 60_000})
        rows = rows_of(self.latchkey("query", "SELECT Id, Name FROM Measurement__c", "--bulk"))
        self.assertEqual(len(rows), 60_000)
        self.assertEqual(len({row["Id"] for row in rows}), 60_000)
        self.assertEqual(rows[-1]["Name"], "M-000059999")

        made = json.loads(self.import_csv("Name,Description\r\nOne,\"a,\nb\"\r\nTwo,\r\n",
                                          "--json"))
        self.assertEqual(made["records"], 2)
        self.assertEqual([job["state"] for job in made["jobs"]], ["JobComplete"])
        found = rows_of(self.latchkey(
            "query", "SELECT Name, Description FROM Account WHERE Name IN ('One', 'Two') "
            "ORDER BY Name", "--bulk"))
        self.assertEqual(found, [{"Name": "One", "Description": "a,\nb"},
                                 {"Name": "Two", "Description": ""}])


class OwnStore(Bulk):
    def setUp(self):
        super().setUp()
        self.log_in()

    def test_millions_go_out_and_in(self):
        self.look_at_a_million()

    def test_a_bulk_query_prints_a_record_a_line_where_json_is_asked_for(self):
        said = self.latchkey("query", "SELECT Name, Description, Owner.Username FROM Account "
                             "ORDER BY Name LIMIT 3", "--bulk", "--json")
        records = [json.loads(line) for line in said.splitlines()]
        self.assertEqual(len(records), 3)
        self.assertEqual(set(records[0]), {"Name", "Description", "Owner.Username"})
        self.assertTrue(all(r["Owner.Username"] == self.emulator.USER for r in records))

    def test_an_ordinary_query_prints_csv_with_the_columns_that_it_names(self):
        said = self.latchkey("query", "select id, owner.USERNAME, Name\nfrom Account "
                             "order by Name limit 2", "--csv")
        self.assertEqual(said.splitlines()[0], "id,owner.USERNAME,Name")
        self.assertEqual([row["owner.USERNAME"] for row in rows_of(said)],
                         [self.emulator.USER] * 2)
        # Without names of fields, with those of the first record.
        said = self.latchkey("query", "SELECT FIELDS(ALL) FROM Account LIMIT 2", "--csv")
        self.assertIn("Name", said.splitlines()[0].split(","))
        self.assertEqual(len(rows_of(said)), 2)
        # Nothing found is still a table with columns.
        self.assertEqual(self.latchkey("query", "SELECT Id FROM Account WHERE Name = 'None'",
                                       "--csv"), "Id\n")
        self.latchkey("query", "SELECT Id FROM Account", "--csv", "--json", status=USAGE)

    def test_deleted_records_come_where_all_rows_are_asked_for(self):
        account = "/services/data/v68.0/sobjects/Account"
        made = json.loads(self.latchkey("api", "-X", "POST", account, "--body", "-",
                                        given=b'{"Name": "Gone"}'))
        self.latchkey("api", "-X", "DELETE", f"{account}/{made['id']}")
        soql = "SELECT Id FROM Account WHERE Name = 'Gone'"
        for form in (["--bulk"], ["--csv"], []):
            self.assertNotIn(made["id"], self.latchkey("query", soql, *form))
            self.assertIn(made["id"], self.latchkey("query", soql, *form, "--all-rows"))

    def test_a_query_that_cannot_be_right_makes_no_job(self):
        self.latchkey("query", "SELECT Nonsense FROM Account", "--bulk", status=USAGE)
        self.latchkey("query", "SELECT Nonsense FROM Account", "--csv", status=USAGE)
        said = json.loads(self.latchkey("query", "SELECT Nonsense FROM Account", "--bulk",
                                        "--json", status=USAGE))
        self.assertEqual(said["error"], "invalid_field")
        self.assertEqual(self.jobs("query"), [])

    def test_progress_is_told_where_it_is_wished(self):
        done = subprocess.run(
            [BINARY, "query", "SELECT Id FROM Contact", "--bulk", "--progress"],
            env=clean(self.environment), capture_output=True, timeout=60, check=True)
        count = len(done.stdout.splitlines()) - 1
        self.assertIn(f"{count} rows, ".encode(), done.stderr)
        self.assertNotIn(b"\x1b", done.stderr)

    def test_ctrl_c_aborts_the_job(self):
        self.emulator.fault(f"{JOBS}/query", when="after", delay_ms=1)  # making it
        self.emulator.fault(f"{JOBS}/query", when="after", delay_ms=3000)  # the first look
        before = self.used_today()
        query = subprocess.Popen([BINARY, "query", "SELECT Id FROM Contact", "--bulk"],
                                 env=clean(self.environment), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(query.kill)
        self.assertTrue(eventually(lambda: self.used_today() > before, 20))
        query.send_signal(signal.SIGINT)
        out, said = query.communicate(timeout=30)
        self.assertEqual((query.returncode, out), (FAILED, b""), said)
        self.assertIn(b"[cancelled]", said)
        self.assertEqual([job["state"] for job in self.jobs("query")], ["Aborted"])

    def used_today(self):
        return self.emulator.control("GET", "data")["used_today"]

    def test_an_import_lists_what_salesforce_refused(self):
        refused = self.folder / "refused.csv"
        said = self.import_csv("Name,Industry\nGood,Energy\n,Energy\n,Mining\n", "--failed",
                               str(refused), status=FAILED)
        self.assertIn("JobComplete", said)
        rows = rows_of(refused.read_text())
        self.assertEqual([row["Industry"] for row in rows], ["Energy", "Mining"])
        self.assertIn("REQUIRED_FIELD_MISSING", rows[0]["sf__Error"])
        self.assertEqual(refused.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.names("Good"), ["Good"])
        # A file that is there already is nobody's to write over.
        self.import_csv("Name\nNever\n", "--failed", str(refused), status=USAGE)
        self.assertEqual(self.names("Never"), [])

    def test_an_import_upserts_changes_and_deletes(self):
        for name in ("First", "Second"):
            self.import_csv(f"External_Id__c,Name\nK-1,{name}\n", "--operation", "upsert",
                            "--external-id", "External_Id__c")
        found = rows_of(self.latchkey("query", "SELECT Id, Name FROM Account WHERE "
                                      "External_Id__c = 'K-1'", "--csv"))
        self.assertEqual([row["Name"] for row in found], ["Second"])
        self.import_csv(f"Id,Name\n{found[0]['Id']},Third\n", "--operation", "update")
        self.assertEqual(self.names("Third"), ["Third"])
        self.import_csv(f"Id\n{found[0]['Id']}\n", "--operation", "delete")
        self.assertEqual(self.names("Third"), [])
        self.import_csv("Name\nx\n", "--operation", "upsert", status=USAGE)

    def test_an_import_of_many_megabytes_goes_in_several_jobs(self):
        text = "Name,Description\n" + "".join(f"Big {i},{'d' * 30_000}\n" for i in range(80))
        made = json.loads(self.import_csv(text, "--job-size", "1", "--json"))
        self.assertEqual(made["records"], 80)
        self.assertEqual(len(made["jobs"]), 3)
        self.assertEqual(sum(job["processed"] for job in made["jobs"]), 80)
        self.assertEqual(len(self.names("Big %")), 80)

    def test_an_import_that_cannot_be_right_makes_no_job(self):
        for text in ("Name\n\"Open\n", "Name\nA,B\n", "Name\nA\"B\n"):
            self.import_csv(text, status=USAGE)
        self.latchkey("bulk", "import", "Account", str(self.folder / "absent.csv"), status=USAGE)
        self.assertEqual(self.jobs("ingest"), [])
        said = json.loads(self.import_csv("Name,Nonsense__c\nA,B\n", "--json", status=USAGE))
        self.assertEqual(said["error"], "bulk_job_failed")
        self.assertIn("Nonsense__c", said["remote_text"])


class AtAServer(Bulk):
    def setUp(self):
        super().setUp()
        self.server = self.start_server(self.emulator.url)
        self.connection = App(self.server).connect()["id"]
        self.environment |= {"LATCHKEY_SERVER": self.server.url,
                             "LATCHKEY_API_KEY_FILE": str(self.server.key_file)}

    def test_millions_go_out_and_in_through_a_server(self):
        self.emulator.expire_sessions()
        self.look_at_a_million()

    def test_an_upload_that_a_dead_session_refused_is_sent_again(self):
        # Longer than what the server keeps to send it again by itself.
        text = "Name,Description\n" + "".join(f"Late {i},{'d' * 30_000}\n" for i in range(20))
        self.emulator.fault(f"{JOBS}/ingest", when="after", delay_ms=1)  # making the job
        self.emulator.fault(f"{JOBS}/ingest", when="before", status=401,
                            headers={"Content-Type": "application/json"},
                            body='[{"errorCode": "INVALID_SESSION_ID", "message": "expired"}]')
        made = json.loads(self.import_csv(text, "--json"))
        self.assertEqual([job["processed"] for job in made["jobs"]], [20])
        self.assertEqual(len(self.names("Late %")), 20)
        self.assertEqual(self.emulator.totals()["refreshes"], 1)

    def test_what_the_server_refuses_says_who_must_act(self):
        reader = self.folder / "reader-key"
        reader.write_text(self.server.new_key("read"))
        reader.chmod(0o600)
        self.environment["LATCHKEY_API_KEY_FILE"] = str(reader)
        self.latchkey("query", "SELECT Id FROM Account", "--bulk", status=FAILED)
        self.environment["LATCHKEY_API_KEY_FILE"] = str(self.server.key_file)
        token = self.emulator.kept()["grants"][0]["refresh_token"]
        request(self.emulator.url, "POST", "/services/oauth2/revoke", f"token={token}",
                {"Content-Type": "application/x-www-form-urlencoded"})
        self.latchkey("query", "SELECT Id FROM Account", "--bulk", status=RECONNECT)
        self.latchkey("query", "SELECT Id FROM Account", "--csv", status=RECONNECT)
