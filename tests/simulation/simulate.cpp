#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "tests/simulation/world.h"

// ./dev simulate --seeds N [--first-seed S] [--trace] [--keep-going]

namespace {

struct Wish {
    std::uint64_t seeds = 2000;
    std::uint64_t first = 1;
    bool trace = false;
    bool keep_going = false;
};

bool number(const char* text, std::uint64_t& into) {
    const char* end = text + std::strlen(text);
    const auto [stopped, bad] = std::from_chars(text, end, into);
    return bad == std::errc{} && stopped == end;
}

bool read(int argc, char** argv, Wish& wish) {
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--trace") {
            wish.trace = true;
        } else if (name == "--keep-going") {
            wish.keep_going = true;
        } else if (name == "--seeds" && i + 1 < argc) {
            if (!number(argv[++i], wish.seeds) || wish.seeds == 0) return false;
        } else if (name == "--first-seed" && i + 1 < argc) {
            if (!number(argv[++i], wish.first)) return false;
        } else {
            return false;
        }
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    using latchkey::simulation::World;
    Wish wish;
    if (!read(argc, argv, wish)) {
        std::fprintf(stderr,
                     "usage: simulate [--seeds N] [--first-seed S] [--trace] [--keep-going]\n"
                     "  N from 1; each seed is a run of its own. --trace prints what happens in "
                     "it.\n");
        return 2;
    }
    using clock = std::chrono::steady_clock;
    const auto began = clock::now();
    auto told = began;
    std::uint64_t failures = 0;
    std::uint64_t refreshes = 0;
    std::uint64_t crashes = 0;
    std::uint64_t given_up = 0;
    std::uint64_t done = 0;
    std::chrono::milliseconds longest{0};
    for (std::uint64_t seed = wish.first; done < wish.seeds; ++seed) {
        World world{seed, wish.trace};
        if (wish.trace)
            std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed),
                        world.plan().text().c_str());
        const auto verdict = world.run();
        ++done;
        refreshes += verdict.refreshes;
        crashes += verdict.crashes;
        given_up += verdict.given_up;
        longest = std::max(longest, verdict.settling);
        if (!verdict.failure.empty()) {
            ++failures;
            std::printf(
                "seed %llu FAILED: %s\n  %s\n  again: ./dev simulate --seeds 1 "
                "--first-seed %llu --trace\n",
                static_cast<unsigned long long>(seed), verdict.failure.c_str(),
                world.plan().text().c_str(), static_cast<unsigned long long>(seed));
            std::fflush(stdout);
            if (!wish.keep_going) break;
        }
        const auto now = clock::now();
        if (now - told > std::chrono::seconds{30}) {
            told = now;
            std::printf("%llu seeds, %llu failures\n", static_cast<unsigned long long>(done),
                        static_cast<unsigned long long>(failures));
            std::fflush(stdout);
        }
    }
    const double seconds = std::chrono::duration<double>(clock::now() - began).count();
    std::printf(
        "%llu seeds from %llu in %.1f s: %.0f a second; %llu refreshes, %llu crashes, %llu "
        "answers lost for good, settled within %.0f s, %llu failures\n",
        static_cast<unsigned long long>(done), static_cast<unsigned long long>(wish.first), seconds,
        static_cast<double>(done) / seconds, static_cast<unsigned long long>(refreshes),
        static_cast<unsigned long long>(crashes), static_cast<unsigned long long>(given_up),
        static_cast<double>(longest.count()) / 1000, static_cast<unsigned long long>(failures));
    return failures == 0 ? 0 : 1;
}
