#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "store/journal/file_journal.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/support/temp_dir.h"
#include "vault/bindings.h"
#include "vault/vault_bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

struct MemoryVault : VaultBench {
    MemoryStore store{clock, random};
    MemoryJournal journal{NodeId{"n"}, clock};
    Vault vault{store, journal, keys, "installation", random, clock};
};

struct SqliteVault : VaultBench {
    TempDir dir;
    NoLog log;
    std::unique_ptr<SqliteStore> store =
        SqliteStore::open(SqliteOptions{dir.file("s.db")}, clock, random, log).value();
    std::unique_ptr<FileJournal> journal =
        FileJournal::open({dir.file("journal"), "installation"}, clock, random, log).value();
    Vault vault{*store, *journal, keys, "installation", random, clock};

    /// Behind the journal's back, as somebody with the file would who can make a checksum: gives the
    /// record of frame `which` this answer, which must be as long as its own.
    void tamper(std::size_t which, const Sealed& answer) {
        const auto path = dir.file("journal/") + journal::segment_name(1);
        const auto bytes = read_file(path);
        const auto frame = journal::scan(bytes, 1).frames.at(which);
        auto record = journal::read_answer(frame.payload).value();
        record.answer = answer;
        const auto changed = journal::print_frame(1, frame.kind, frame.number, frame.synced,
                                                  journal::print_answer(record));
        REQUIRE(changed.size() == frame.end - frame.offset);
        std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
        file.seekp(static_cast<std::streamoff>(frame.offset));
        file << changed;
    }
    static std::string read_file(const std::string& path) {
        std::ifstream file{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    std::string everything_on_disk() const {
        std::string all;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path())) {
            if (entry.is_regular_file()) all += read_file(entry.path());
        }
        return all;
    }
};

/// The forms in which a secret could lie about: as it is, and encoded at any alignment.
std::vector<std::string> forms_of(const std::string& mark) {
    std::string upper = hex(mark);
    for (char& c : upper) c = static_cast<char>(c >= 'a' ? c - 32 : c);
    std::vector<std::string> forms{mark, hex(mark), upper, percent_encode(mark),
                                   std::string{mark.rbegin(), mark.rend()}};
    for (std::size_t skipped = 0; skipped < 3; ++skipped) {
        const auto part = mark.substr(skipped, (mark.size() - skipped) / 3 * 3);
        forms.push_back(base64(part));
        forms.push_back(base64url(part));
    }
    return forms;
}

bool holds(const std::string& bytes, const std::string& mark) {
    for (const auto& form : forms_of(mark))
        if (bytes.find(form) != std::string::npos) return true;
    return false;
}

std::string opening(MemoryVault& bench, const std::string& name) {
    return bench.refusal(bench.vault.open(ConnectionId{name}, bench.by()));
}

}  // namespace

TEST_CASE("I1: no marked secret can be found in any byte of the store's files") {
    const std::vector<std::string> marks{
        "MARK!access/first+token==",  "MARK!refresh/first+token==", "MARK!access/second+token=",
        "MARK!refresh/second+token=", "MARK!code-answer/of+flow=",  "MARK!refresh-answer/one+=",
        "MARK!verifier/of+a+flow==",  "MARK!callback?code=a+b/c=="};
    SqliteVault bench;
    const auto key = key_of("cn_1");
    bench.ok(bench.vault.note_exchange(key, FlowId{"cs_1"}, Secret{marks[4]}, bench.by()));
    bench.done(
        bench.vault.keep_candidate(grant_facts(key), tokens(marks[0], marks[1]), bench.by()));
    bench.ok(bench.vault.promote(key, plain_facts(key), bench.by()));
    const auto seen = bench.ok(bench.vault.open(key, bench.by()));
    const auto claim = bench.ok(bench.vault.claim(seen, bench.by()));
    bench.ok(bench.vault.note(claim, Secret{marks[5]}, bench.by()));
    bench.ok(bench.vault.keep(claim, tokens(marks[2], marks[3]), bench.by()));
    FlowRow flow;
    flow.id = FlowId{"cs_1"};
    flow.purpose = "SEEN!not/a+secret==";
    flow.verifier = bench.vault.seal_for_flow(flow.id, "verifier", Secret{marks[6]}).value();
    flow.callback = bench.vault.seal_for_flow(flow.id, "callback", Secret{marks[7]}).value();
    bench.done(bench.store->flows().insert(flow, bench.by()));

    const auto running = bench.everything_on_disk();
    bench.store.reset();
    bench.journal.reset();
    const auto stopped = bench.everything_on_disk();
    // The search finds what is there to be found.
    REQUIRE(holds(running, flow.purpose));
    REQUIRE(holds(stopped, flow.purpose));
    for (const auto& mark : marks) {
        CAPTURE(mark);
        CHECK_FALSE(holds(running, mark));
        CHECK_FALSE(holds(stopped, mark));
    }
}

TEST_CASE("I2: any flipped bit of a stored token makes that connection corrupt, and no other") {
    MemoryVault bench;
    const auto whole = connect(bench, bench.vault, key_of("cn_1")).row;
    connect(bench, bench.vault, key_of("cn_2"));
    const auto flip_all = [&](std::optional<Sealed> GrantRow::* column) {
        for (std::size_t bit = 0; bit < (whole.*column)->bytes.size() * 8; ++bit) {
            auto damaged = whole;
            auto& byte = (damaged.*column)->bytes[bit / 8];
            byte = static_cast<char>(byte ^ (1 << bit % 8));
            bench.store.overwrite(damaged);
            CHECK(opening(bench, "cn_1") == "corrupt");
        }
    };
    flip_all(&GrantRow::refresh_token);
    flip_all(&GrantRow::access_token);
    CHECK(opening(bench, "cn_2").empty());
    bench.store.overwrite(whole);
    CHECK(opening(bench, "cn_1").empty());
}

TEST_CASE("I3: a token moved to any other place does not open") {
    MemoryVault bench;
    connect(bench, bench.vault, key_of("cn_2"));
    const auto first = connect(bench, bench.vault, key_of("cn_1")).row;
    const auto claim = bench.ok(
        bench.vault.claim(bench.ok(bench.vault.open(key_of("cn_1"), bench.by())), bench.by()));
    bench.ok(bench.vault.keep(claim, tokens("access-b", "refresh-b"), bench.by()));
    const auto second = bench.ok(bench.store.grants().find(key_of("cn_1"), bench.by()));
    const auto later = connect(bench, bench.vault, key_of("cn_1", 2)).row;
    const auto other = bench.ok(bench.store.grants().find(key_of("cn_2"), bench.by()));

    // Every value of every place, put into every other place of the same and of the other column.
    struct Place {
        const GrantRow* row;
        std::optional<Sealed> GrantRow::* column;
    };
    std::vector<Place> places;
    for (const auto* row : {&first, &second, &later, &other})
        for (const auto column : {&GrantRow::refresh_token, &GrantRow::access_token})
            places.push_back({row, column});
    for (const auto& from : places)
        for (const auto& to : places) {
            auto changed = *to.row;
            changed.*to.column = from.row->*from.column;
            bench.store.overwrite(changed);
            const bool home = from.row == to.row && from.column == to.column;
            const auto outcome = bench.refusal(bench.vault.open(changed.key, bench.by()));
            CHECK(outcome == (home ? "" : "corrupt"));
        }
}

TEST_CASE("I3: another installation's or tenant's sealed values do not open") {
    MemoryVault bench;
    connect(bench, bench.vault, key_of("cn_1"));
    Vault elsewhere{bench.store,  bench.journal, bench.keys, "another installation",
                    bench.random, bench.clock};
    CHECK(bench.refusal(elsewhere.open(ConnectionId{"cn_1"}, bench.by())) == "corrupt");

    const Bindings bindings{"installation"};
    CHECK(bindings.flow(FlowId{"x"}, "verifier").bytes() !=
          Bindings{"installation" + std::string{default_tenant}}
              .flow(FlowId{"x"}, "verifier")
              .bytes());
}

TEST_CASE(
    "I2, I3: a noted answer that was damaged or moved is kept, reported and in nobody's way") {
    SqliteVault bench;
    const auto seen = connect(bench, bench.vault, key_of("cn_1"));
    const auto claim = bench.ok(bench.vault.claim(seen, bench.by()));
    bench.ok(bench.vault.note(claim, Secret{"one"}, bench.by()));
    bench.ok(bench.vault.note_exchange(key_of("cn_2"), FlowId{"cs_1"}, Secret{"two"}, bench.by()));
    bench.ok(bench.vault.note_exchange(key_of("cn_3"), FlowId{"cs_2"}, Secret{"six"}, bench.by()));
    auto records = bench.ok(bench.journal->read(0, 10, bench.by()));
    bench.tamper(0, records.at(2).answer);
    records.at(1).answer.bytes.back() ^= 1;
    bench.tamper(1, records.at(1).answer);
    const auto noted = bench.ok(bench.vault.noted(0, 10, bench.by()));
    REQUIRE(noted.size() == 3);
    CHECK(noted[0].packed.empty());
    CHECK(noted[1].packed.empty());
    CHECK(noted[2].packed.reveal() == "six");
}
