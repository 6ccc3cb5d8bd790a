#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "store/sqlite/sqlite_bench.h"
#include "tests/support/power_cut_vfs.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

constexpr int rotations = 150;
constexpr std::uint64_t cut_one_in = 9;
constexpr std::size_t most_cuts = 120;

/// What a disk held when its power was cut, and what callers had been told by then.
struct Cut {
    PowerCutVfs::Image image;
    std::int64_t told = 0;  ///< the grant generation of the last settlement that was answered
};

Settlement rotation_of(const GrantRow& claimed) {
    Settlement outcome;
    outcome.kind = Settlement::Kind::rotated;
    outcome.key = claimed.key;
    outcome.grant_generation = claimed.grant_generation;
    outcome.generation = claimed.generation;
    outcome.attempt = claimed.attempt;
    const auto next = std::to_string(claimed.grant_generation.value + 1);
    // Longer than a page, so that one row's writes can be torn in many places.
    outcome.refresh_token = Sealed{"refresh " + next + std::string(6000, 'r')};
    outcome.access_token = Sealed{"access " + next};
    return outcome;
}

}  // namespace

TEST_CASE(
    "I13: after a power cut at any moment the store opens, and nothing that was told is missing") {
    const auto seed = std::random_device{}();
    std::printf("power cuts with seed %u\n", seed);
    std::mt19937_64 chance{seed};
    std::atomic<std::int64_t> told{0};
    std::vector<Cut> cuts;
    PowerCutVfs disk{[&](PowerCutVfs& now) {
        if (told == 0 || cuts.size() >= most_cuts || chance() % cut_one_in != 0) return;
        cuts.push_back({now.image(chance), told});
    }};
    std::string path;
    {
        SqliteFileBench bench;
        bench.options.vfs = disk.name();
        REQUIRE(bench.open().empty());
        path = bench.options.path;
        const auto key = bench.connect("cn_1");
        for (int n = 0; n < rotations; ++n) {
            const auto row = bench.row(key);
            told = row.grant_generation.value;
            const auto claimed = bench.ok(bench.store->grants().claim(
                key, row.grant_generation, AttemptId{"a" + std::to_string(n)}, NodeId{"n"},
                bench.by()));
            bench.ok(bench.store->grants().settle(rotation_of(claimed), bench.by()));
        }
        told = 0;
    }
    REQUIRE(cuts.size() >= 20);
    for (const auto& cut : cuts) {
        SqliteFileBench next;
        for (const auto& [name, bytes] : cut.image) {
            const auto there = next.options.path + name.substr(path.size());
            std::ofstream{there, std::ios::binary} << bytes;
            std::filesystem::permissions(
                there, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
        }
        CAPTURE(seed);
        CAPTURE(cut.told);
        REQUIRE(next.open().empty());
        const auto row = next.row(GrantKey{ConnectionId{"cn_1"}, Epoch{1}});
        const auto found = row.grant_generation.value;
        CHECK(found >= cut.told);
        CHECK(found <= cut.told + 1);
        const auto token = found == 1 ? std::string{"sealed"}
                                      : "refresh " + std::to_string(found) + std::string(6000, 'r');
        CHECK(row.refresh_token == Sealed{token});
    }
}
